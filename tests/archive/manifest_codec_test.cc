// Manifests written and read back: the same entries, report and plan; and bytes that are none.
#include "archive/manifest_codec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "archive/fingerprint.h"
#include "archive/plan.h"
#include "base/random.h"

namespace archive {
namespace {

ArchiveRequest request_of(const std::string& strip = {}) {
    ArchiveRequest request;
    request.sources.resize(2);
    request.sources[0].bucket = "one";
    request.sources[1].bucket = "two";
    request.sources[1].access.requester_pays = true;
    request.destination.bucket = "out";
    request.destination.key = "a.zip";
    request.options.strip_prefix = strip;
    request.options.on_empty = OnEmpty::archive;
    request.options.on_duplicate = OnDuplicate::rename;
    request.options.on_missing = OnMissing::skip;
    return request;
}

std::string random_etag(base::Random& random) {
    std::string etag;
    if (random.below(10) == 0) return etag;
    if (random.below(5) == 0) return "opaque \"etag\" \x01\xFF";
    constexpr std::string_view kDigits = "0123456789abcdef";
    while (etag.size() < 32) etag += kDigits[random.below(16)];
    if (random.below(3) == 0) etag += "-" + std::to_string(random.below(1000));
    return etag;
}

std::shared_ptr<const Manifest> random_manifest(std::uint64_t seed, const ArchiveRequest& request) {
    base::Random random(seed);
    Selection selection(request);
    const std::uint64_t count = random.below(400);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t source = random.below(2);
        selection.read_with(request.sources[source].access);
        std::string key = "in/" + std::to_string(random.below(20)) + "/";
        for (std::uint64_t n = random.below(12); n > 0; --n)
            key += static_cast<char>(random.below(8) == 0 ? random.below(256)
                                                          : 'a' + random.below(26));
        if (random.below(20) == 0) key += "/";
        const std::string etag = random_etag(random);
        const std::string version = random.below(4) == 0 ? "v" + std::to_string(i) : "";
        const std::string name = random.below(5) == 0 ? "given/" + std::to_string(i) : "";
        FoundObject object{key,
                           version,
                           etag,
                           random.below(3) == 0 ? 0 : random.next() >> 40,
                           static_cast<std::int64_t>(random.next() >> 32) - (1LL << 31),
                           false};
        if (random.below(10) == 0) {
            EXPECT_TRUE(selection.add_missing(request.sources[source].bucket, key));
        } else {
            EXPECT_TRUE(selection.add(request.sources[source].bucket, object, name));
        }
    }
    auto manifest = Manifest::make(std::move(selection), request);
    EXPECT_TRUE(manifest.has_value()) << manifest.error().detail;
    return manifest ? *manifest : nullptr;
}

base::Result<std::shared_ptr<const Manifest>> read_back(const std::vector<std::string>& chunks,
                                                        const ArchiveRequest& request) {
    ManifestDecoder decoder(request);
    for (const std::string& chunk : chunks) {
        if (auto added = decoder.add(chunk); !added) return std::unexpected(added.error());
    }
    return decoder.finish();
}

void expect_equal(const Manifest& a, const Manifest& b) {
    ASSERT_EQ(a.count(), b.count());
    for (std::uint64_t i = 0; i < a.count(); ++i) {
        ASSERT_EQ(a[i].key(), b[i].key());
        ASSERT_EQ(a[i].version_id(), b[i].version_id());
        ASSERT_EQ(a[i].etag(), b[i].etag());
        ASSERT_EQ(a[i].name(), b[i].name());
        ASSERT_EQ(a[i].size, b[i].size);
        ASSERT_EQ(a.entry(i).mtime_unix_s, b.entry(i).mtime_unix_s);
        ASSERT_EQ(a.entry(i).is_directory, b.entry(i).is_directory);
        ASSERT_EQ(a.text_of(i), b.text_of(i));
        if (!a.text_of(i).empty()) continue;
        ASSERT_EQ(a.bucket_of(a[i]), b.bucket_of(b[i]));
        ASSERT_EQ(a.bucket(a[i].bucket).access, b.bucket(b[i].bucket).access);
    }
    EXPECT_EQ(a.source_bytes(), b.source_bytes());
    ASSERT_EQ(a.report()->skipped().size(), b.report()->skipped().size());
    for (std::size_t i = 0; i < a.report()->skipped().size(); ++i) {
        EXPECT_EQ(a.report()->skipped()[i].key, b.report()->skipped()[i].key);
        EXPECT_EQ(a.report()->skipped()[i].bucket, b.report()->skipped()[i].bucket);
        EXPECT_EQ(a.report()->skipped()[i].reason, b.report()->skipped()[i].reason);
    }
    ASSERT_EQ(a.report()->renamed().size(), b.report()->renamed().size());
    for (std::size_t i = 0; i < a.report()->renamed().size(); ++i) {
        EXPECT_EQ(a.report()->renamed()[i].key, b.report()->renamed()[i].key);
        EXPECT_EQ(a.report()->renamed()[i].name, b.report()->renamed()[i].name);
        EXPECT_EQ(a.report()->renamed()[i].reason, b.report()->renamed()[i].reason);
    }
}

TEST(ManifestCodec, ReadsWhatWasWritten) {
    std::size_t renamed = 0, lists = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        ArchiveRequest request = request_of(seed % 2 == 0 ? "in/" : "");
        request.options.timestamps = seed % 3 == 0 ? Timestamps::fixed : Timestamps::source;
        request.options.list_missing = seed % 5 == 0;
        const auto manifest = random_manifest(seed, request);
        ASSERT_TRUE(manifest);
        const auto chunks = encode_manifest(*manifest, request);
        const auto again = read_back(chunks, request);
        ASSERT_TRUE(again.has_value()) << again.error().detail;
        expect_equal(*manifest, **again);
        EXPECT_EQ(encode_manifest(**again, request), chunks);
        EXPECT_EQ(fingerprint(**again, chunks, request), fingerprint(*manifest, chunks, request));
        renamed += manifest->report()->renamed().size();
        lists += manifest->count() > 0 && !manifest->text_of(manifest->count() - 1).empty() ? 1 : 0;

        const auto report = decode_report(encode_report(*manifest->report()));
        ASSERT_TRUE(report.has_value());
        EXPECT_EQ((*report)->skipped().size(), manifest->report()->skipped().size());
        EXPECT_EQ((*report)->renamed().size(), manifest->report()->renamed().size());
    }
    EXPECT_GT(renamed, 100u);  // what this is about did happen
    EXPECT_GT(lists, 10u);
}

TEST(ManifestCodec, ALongOneIsCutIntoChunksAndSmall) {
    const ArchiveRequest request = request_of();
    Selection selection(request);
    base::Random random(3);
    constexpr std::uint64_t kCount = 100'000;
    for (std::uint64_t i = 0; i < kCount; ++i) {
        const std::string key = fmt::format("photos/2026/07/{:08}/image-{:08}.jpg", i / 100, i);
        const std::string etag = random_etag(random);
        ASSERT_TRUE(selection.add("one",
                                  {key,
                                   {},
                                   etag,
                                   200'000 + random.below(1000),
                                   1'780'000'000 + static_cast<std::int64_t>(i),
                                   false},
                                  {}));
    }
    const auto manifest = *Manifest::make(std::move(selection), request);
    const auto chunks = encode_manifest(*manifest, request);
    std::size_t bytes = 0;
    for (const std::string& chunk : chunks) {
        bytes += chunk.size();
        EXPECT_LT(chunk.size(), 2 * ManifestDecoder::kChunkBytes);
    }
    EXPECT_GT(chunks.size(), 10u);
    EXPECT_LT(bytes / kCount, 45u);
    const auto again = read_back(chunks, request);
    ASSERT_TRUE(again.has_value());
    expect_equal(*manifest, **again);
}

TEST(ManifestCodec, ALongListOfMissingObjectsIsCutToo) {
    ArchiveRequest request = request_of();
    request.options.list_missing = true;
    Selection selection(request);
    for (int i = 0; i < 30'000; ++i)
        ASSERT_TRUE(
            selection.add_missing("one", fmt::format("a/very/long/key/of/an/object/{:060}", i)));
    const auto manifest = *Manifest::make(std::move(selection), request);
    ASSERT_GT(manifest->text_of(0).size(), 2u << 20);
    const auto chunks = encode_manifest(*manifest, request);
    for (const std::string& chunk : chunks)
        EXPECT_LT(chunk.size(), 2 * ManifestDecoder::kChunkBytes);
    const auto again = read_back(chunks, request);
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    expect_equal(*manifest, **again);
}

TEST(ManifestCodec, TheSamePlanIsMadeAgain) {
    const ArchiveRequest request = request_of("in/");
    const auto manifest = random_manifest(7, request);
    for (const std::uint64_t single_put_max : {std::uint64_t{0}, UINT64_MAX}) {
        const auto plan =
            Plan::make(manifest, request, {{0, 20 << 20, 5ULL << 30}, single_put_max});
        ASSERT_TRUE(plan.has_value());
        const PlanRecord record = (*plan)->record();
        const auto read = *read_back(encode_manifest(*manifest, request), request);
        const auto again = Plan::make_again(read, request, record, 5ULL << 30);
        ASSERT_TRUE(again.has_value()) << again.error().detail;
        EXPECT_EQ((*again)->parts().size(), (*plan)->parts().size());
        EXPECT_EQ((*again)->record().digest, record.digest);
        EXPECT_EQ((*again)->single_put(), (*plan)->single_put());
        // Less memory than before: it cannot go on with these parts.
        EXPECT_EQ(Plan::make_again(read, request, record, 1).error().code, "memory");
        // Another version's plan.
        PlanRecord other = record;
        ++other.digest;
        EXPECT_EQ(Plan::make_again(read, request, other, 5ULL << 30).error().code, "plan_differs");
    }
}

TEST(ManifestCodec, DamagedBytesAreAnError) {
    ArchiveRequest request = request_of();
    request.options.list_missing = true;
    const auto chunks = encode_manifest(*random_manifest(5, request), request);
    ASSERT_GE(chunks.size(), 4u);
    for (std::size_t c = 0; c < chunks.size(); ++c) {
        auto without = chunks;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(c));
        const auto missing = read_back(without, request);
        // A report may be shorter and still be one; everything else must be whole.
        if (missing) EXPECT_LT((*missing)->report()->skipped().size(), 1000u);
        for (std::size_t size = 0; size < chunks[c].size(); size += 1 + size / 50) {
            auto cut = chunks;
            cut[c].resize(size);
            const auto read = read_back(cut, request);
            if (read) {  // between two objects that were skipped
                EXPECT_EQ((*read)->count(), (*read_back(chunks, request))->count());
            }
        }
    }
    base::Random random(11);
    for (int round = 0; round < 20'000; ++round) {  // nothing but an error, or some manifest
        auto damaged = chunks;
        std::string& chunk = damaged[random.below(damaged.size())];
        chunk[random.below(chunk.size())] = static_cast<char>(random.next());
        read_back(damaged, request);
    }
}

TEST(Fingerprint, TellsWhatMattersFromWhatDoesNot) {
    const auto print = [](const ArchiveRequest& request, std::string_view etag,
                          std::uint64_t size) {
        Selection selection(request);
        EXPECT_TRUE(selection.add("one", {"k", {}, etag, size, 1000, false}, {}));
        const auto manifest = *Manifest::make(std::move(selection), request);
        return fingerprint(*manifest, encode_manifest(*manifest, request), request);
    };
    const ArchiveRequest request = request_of();
    const std::string base = print(request, "e", 10);
    EXPECT_EQ(base.size(), 64u);
    ArchiveRequest other = request;
    other.destination.key = "elsewhere.zip";
    other.options.priority = 7;
    other.options.part_size_bytes = 10 << 20;
    EXPECT_EQ(print(other, "e", 10), base);
    EXPECT_NE(print(request, "f", 10), base);
    EXPECT_NE(print(request, "e", 11), base);
    other = request;
    other.options.comment = "c";
    EXPECT_NE(print(other, "e", 10), base);
    other = request;
    other.destination.storage_class = "STANDARD_IA";
    EXPECT_NE(print(other, "e", 10), base);
    other = request;
    other.destination.metadata["a"] = "b";
    EXPECT_NE(print(other, "e", 10), base);
    EXPECT_EQ(print(request, "", 10), "");  // nothing says that it is the same object
    EXPECT_NE(print(request, "", 0), "");
    other = request;
    other.destination.access.customer_key = std::make_shared<const s3client::CustomerKey>(
        *s3client::CustomerKey::parse("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="));
    EXPECT_EQ(print(other, "e", 10), "");
}

}  // namespace
}  // namespace archive
