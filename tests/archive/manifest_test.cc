// Manifests made against an s3sim: what is taken, in which order, under which names, and what not.
#include "archive/manifest.h"

#include <gmock/gmock.h>

#include "archive/selector.h"
#include "base/log.h"
#include "io/worker_thread.h"
#include "s3sim/server.h"

namespace archive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ManifestTest : public testing::Test {
  protected:
    using Made = base::Result<std::shared_ptr<const Manifest>>;

    void SetUp() override {
        base::set_log_level(base::LogLevel::error);
        s3sim::Options options;
        options.buckets = {"src", "two", "out"};
        server = std::move(*s3sim::Server::start(std::move(options)));
        request.sources.emplace_back().bucket = "src";
        request.destination.bucket = "out";
        request.destination.key = "a.zip";
    }
    void put(std::string_view bucket, std::string_view key, std::string_view bytes = "x") {
        ASSERT_TRUE(server->put(bucket, key, bytes));
    }
    void put(std::initializer_list<std::string_view> keys) {
        for (const std::string_view key : keys) put("src", key);
    }

    static io::Task<Made> make_task(s3client::S3Client& client, io::Reactor& reactor,
                                    io::WorkerThread& worker, const ArchiveRequest& what) {
        auto selection = co_await select_objects(client, reactor, worker, what, {}, {});
        if (!selection) co_return std::unexpected(selection.error());
        co_return Manifest::make(std::move(*selection), what);
    }
    Made make() {
        io::Reactor reactor(std::move(*io::make_backend(io::BackendChoice::epoll)));
        io::WorkerThread worker;
        s3client::ClientConfig config;
        config.endpoint = *s3client::parse_endpoint(server->endpoint());
        config.credentials =
            std::move(*s3client::static_credentials({"s3sim", "s3simsecret", {}, std::nullopt}));
        s3client::S3Client client(reactor, config);
        return reactor.run_until_done(make_task(client, reactor, worker, request));
    }
    std::vector<std::string> names() {
        const Made made = make();
        if (!made) return {"error: " + made.error().code};
        std::vector<std::string> all;
        for (std::uint64_t i = 0; i < (*made)->count(); ++i)
            all.emplace_back((*made)->entry(i).name);
        return all;
    }
    base::Error error() {
        const Made made = make();
        return made ? base::Error{base::ErrorKind::bug, "no error", {}, 0, {}, {}} : made.error();
    }

    std::unique_ptr<s3sim::Server> server;
    ArchiveRequest request;
};

TEST_F(ManifestTest, APrefixGivesItsKeysInOrder) {
    put({"b", "a/2", "a/1", "a", "c/x"});
    EXPECT_THAT(names(), ElementsAre("error: duplicate_name"));
    request.sources[0].prefix = "a/";
    EXPECT_THAT(names(), ElementsAre("a/1", "a/2"));
}

TEST_F(ManifestTest, IncludeAndExcludeLookBehindThePrefix) {
    put({"p/a.jpg", "p/b.png", "p/tmp/c.jpg", "p/x/tmp/d.jpg", "p/e.JPG"});
    request.sources[0].prefix = "p/";
    request.sources[0].include = {"*.jpg", "e*"};
    request.sources[0].exclude = {"tmp/*", "*/tmp/*"};
    EXPECT_THAT(names(), ElementsAre("p/a.jpg", "p/e.JPG"));
}

TEST_F(ManifestTest, ExplicitObjectsKeepTheirOrderAndNames) {
    put({"z", "y", "x"});
    request.sources[0].objects = {{"z", "", ""}, {"x", "papers/first.txt", ""}, {"y", "", ""}};
    EXPECT_THAT(names(), ElementsAre("z", "papers/first.txt", "y"));
}

TEST_F(ManifestTest, SeveralSourcesComeOneAfterTheOther) {
    put({"b", "a"});
    put("two", "c");
    request.sources.emplace_back().bucket = "two";
    request.sources.push_back(request.sources[0]);
    request.sources[2].objects = {{"b", "again", ""}};
    const Made made = make();
    ASSERT_TRUE(made) << made.error().to_string();
    ASSERT_EQ((*made)->count(), 4U);
    EXPECT_EQ((*made)->bucket_of((**made)[2]), "two");
    EXPECT_EQ((*made)->bucket_of((**made)[3]), "src");
    EXPECT_EQ((**made)[3].key(), "b");
    EXPECT_EQ((**made)[3].name(), "again");
    EXPECT_EQ((**made)[3].etag(), server->head("src", "b")->etag);
    EXPECT_EQ((*made)->source_bytes(), 4U);
}

TEST_F(ManifestTest, StripsAndFlattens) {
    put({"2026/a/1", "2026/b/2", "2027/3"});
    request.options.strip_prefix = "2026/";
    EXPECT_THAT(names(), ElementsAre("a/1", "b/2", "2027/3"));
    request.options.flatten = true;
    EXPECT_THAT(names(), ElementsAre("1", "2", "3"));
}

TEST_F(ManifestTest, DuplicatesFailOrAreRenamed) {
    put({"a/x.txt", "b/x.txt", "c/x.txt"});
    request.options.flatten = true;
    const base::Error clash = error();
    EXPECT_EQ(clash.kind, base::ErrorKind::invalid);
    EXPECT_EQ(clash.key, "src/b/x.txt");
    EXPECT_THAT(clash.detail, HasSubstr("x.txt"));
    request.options.on_duplicate = OnDuplicate::rename;
    EXPECT_THAT(names(), ElementsAre("x.txt", "x (2).txt", "x (3).txt"));
}

TEST_F(ManifestTest, MissingObjectsFailOrAreSkippedAndReported) {
    put({"a", "c"});
    request.sources[0].objects = {{"a", "", ""}, {"b", "", ""}, {"c", "", ""}};
    EXPECT_EQ(error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(error().key, "src/b");
    request.options.on_missing = OnMissing::skip;
    const Made made = make();
    ASSERT_TRUE(made) << made.error().to_string();
    EXPECT_EQ((*made)->count(), 2U);
    ASSERT_EQ((*made)->report()->skipped().size(), 1U);
    EXPECT_EQ((*made)->report()->skipped()[0].bucket, "src");
    EXPECT_EQ((*made)->report()->skipped()[0].key, "b");
    EXPECT_EQ((*made)->report()->skipped()[0].reason, "not_found");
}

TEST_F(ManifestTest, AMissingBucketIsNeverSkipped) {
    request.options.on_missing = OnMissing::skip;
    request.options.on_empty = OnEmpty::archive;
    request.sources[0].bucket = "nowhere";
    EXPECT_EQ(error().code, "NoSuchBucket");
    request.sources[0].objects = {{"a", "", ""}, {"b", "", ""}};
    EXPECT_EQ(error().code, "NoSuchBucket");
    EXPECT_THAT(error().key, HasSubstr("nowhere"));
}

TEST_F(ManifestTest, TheDestinationIsNoSource) {
    put("out", "a.zip");
    put("out", "b");
    request.sources[0].bucket = "out";
    const Made made = make();
    ASSERT_TRUE(made) << made.error().to_string();
    ASSERT_EQ((*made)->count(), 1U);
    EXPECT_EQ((*made)->entry(0).name, "b");
    ASSERT_EQ((*made)->report()->skipped().size(), 1U);
    EXPECT_EQ((*made)->report()->skipped()[0].key, "a.zip");
    EXPECT_EQ((*made)->report()->skipped()[0].reason, "destination");
}

TEST_F(ManifestTest, NothingIsAnErrorOrAnEmptyArchive) {
    const base::Error none = error();
    EXPECT_EQ(none.code, "no_objects");
    EXPECT_EQ(none.kind, base::ErrorKind::not_found);
    request.options.on_empty = OnEmpty::archive;
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ManifestTest, TimesAreThoseOfTheObjectsOrFixed) {
    put({"a"});
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         base::system_clock().utc_now().time_since_epoch())
                         .count();
    for (const bool listed : {true, false}) {
        if (!listed) request.sources[0].objects = {{"a", "", ""}};
        request.options.timestamps = Timestamps::source;
        Made made = make();
        ASSERT_TRUE(made) << made.error().to_string();
        EXPECT_NEAR(static_cast<double>((*made)->entry(0).mtime_unix_s), static_cast<double>(now),
                    60);
        request.options.timestamps = Timestamps::fixed;
        made = make();
        ASSERT_TRUE(made);
        EXPECT_EQ((*made)->entry(0).mtime_unix_s, zip::kDosEpochUnixS);
    }
}

TEST_F(ManifestTest, ListsAllPages) {
    for (int i = 0; i < 2500; ++i) put("src", "k" + std::to_string(10'000 + i));
    server->reset_stats();
    const std::vector<std::string> all = names();
    ASSERT_EQ(all.size(), 2500U);
    EXPECT_TRUE(std::ranges::is_sorted(all));
    EXPECT_EQ(all.front(), "k10000");
    EXPECT_EQ(all.back(), "k12499");
    EXPECT_EQ(server->stats().count("ListObjectsV2"), 3U);
}

TEST_F(ManifestTest, AsksForThousandsOfObjects) {
    std::vector<ObjectChoice> objects;
    for (int i = 0; i < 4200; ++i) {
        const std::string key = "k" + std::to_string(i);
        put("src", key);
        objects.push_back({key, "", ""});
    }
    request.sources[0].objects = std::move(objects);
    const std::vector<std::string> all = names();
    ASSERT_EQ(all.size(), 4200U);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], "k" + std::to_string(i));
}

TEST_F(ManifestTest, OddKeysKeepTheirBytes) {
    const std::vector<std::string> odd = {"a b",        "a%20b",        "a&<b>\"'",
                                          "plus+",      "q?#=;",        "\xC3\xA4/\xF0\x9F\x98\x80",
                                          "~-_.!*'()$", "trailing dot."};
    request.options.names = zip::NamePolicy::raw;
    for (const std::string& key : odd) put("src", key);
    for (const bool listed : {true, false}) {
        if (!listed) {
            request.sources[0].objects.emplace();
            for (const std::string& key : odd) request.sources[0].objects->push_back({key, "", ""});
        }
        const Made made = make();
        ASSERT_TRUE(made) << made.error().to_string();
        std::vector<std::string> keys;
        for (std::uint64_t i = 0; i < (*made)->count(); ++i) {
            keys.emplace_back((**made)[i].key());
            EXPECT_EQ((**made)[i].name(), (**made)[i].key());
        }
        EXPECT_THAT(keys, testing::UnorderedElementsAreArray(odd));
    }
}

TEST_F(ManifestTest, FolderMarkersAreDirectories) {
    put("src", "d/", "");
    put({"d/f"});
    const Made made = make();
    ASSERT_TRUE(made) << made.error().to_string();
    ASSERT_EQ((*made)->count(), 2U);
    EXPECT_TRUE((*made)->entry(0).is_directory);
    EXPECT_EQ((*made)->entry(0).name, "d/");
    EXPECT_EQ((*made)->entry(0).unix_mode, zip::kDirectoryMode);
    EXPECT_FALSE((*made)->entry(1).is_directory);
}

TEST_F(ManifestTest, ArchivedObjectsFailOrAreSkippedAndReported) {
    put({"a", "b", "z"});
    for (const auto& [key, storage] : {std::pair{"c", "GLACIER"},
                                       {"d", "DEEP_ARCHIVE"},
                                       {"e", "GLACIER_IR"},
                                       {"f", "STANDARD_IA"}}) {
        ASSERT_TRUE(server->put("src", key, "cold", storage));
    }
    for (const bool listed : {true, false}) {
        SCOPED_TRACE(listed ? "listed" : "explicit");
        if (!listed) {
            request.sources[0].objects.emplace();
            for (const char* key : {"a", "c", "d", "e", "f"})
                request.sources[0].objects->push_back({key, "", ""});
        }
        request.options.on_missing = OnMissing::fail;
        const base::Error refused = error();
        EXPECT_EQ(refused.code, "object_archived");
        EXPECT_EQ(refused.kind, base::ErrorKind::denied);
        EXPECT_EQ(refused.key, "src/c");
        EXPECT_THAT(refused.detail, HasSubstr("src/c, src/d"));
        request.options.on_missing = OnMissing::skip;
        const Made made = make();
        ASSERT_TRUE(made) << made.error().to_string();
        EXPECT_EQ((*made)->count(), listed ? 5U : 3U);
        const auto& skipped = (*made)->report()->skipped();
        ASSERT_EQ(skipped.size(), 2U);
        EXPECT_EQ(skipped[0].key, "c");
        EXPECT_EQ(skipped[0].reason, "archived");
    }
}

TEST_F(ManifestTest, AllMissingObjectsAreCountedAndTheFirstNamed) {
    request.sources[0].objects.emplace();
    for (int i = 0; i < 25; ++i)
        request.sources[0].objects->push_back({"gone" + std::to_string(i), "", ""});
    put("src", "there");
    request.sources[0].objects->insert(request.sources[0].objects->begin(), {"there", "", ""});
    const base::Error missing = error();
    EXPECT_EQ(missing.key, "src/gone0");
    EXPECT_THAT(missing.detail, HasSubstr("src/gone0, src/gone1, "));
    EXPECT_THAT(missing.detail, HasSubstr("src/gone9 and 15 more"));
}

// A manifest file, beside another source.
TEST_F(ManifestTest, AManifestFileNamesObjects) {
    put("src", "a", "first");
    put("two", "b", "second");
    put("out", "list.jsonl",
        "{\"bucket\":\"two\",\"key\":\"b\",\"name\":\"papers/b\"}\n\n"
        "{\"bucket\":\"src\",\"key\":\"a\"}\r\n"
        "{\"bucket\":\"src\",\"key\":\"not asked for\",\"size\":5,\"etag\":\"e\","
        "\"last_modified\":\"2026-01-02T03:04:05Z\"}");
    request.sources[0] = {};
    request.sources[0].manifest = {"out", "list.jsonl", ""};
    request.sources.emplace_back().bucket = "two";
    server->reset_stats();
    const Made made = make();
    ASSERT_TRUE(made) << made.error().to_string();
    ASSERT_EQ((*made)->count(), 4U);
    EXPECT_EQ((**made)[0].name(), "papers/b");
    EXPECT_EQ((*made)->bucket_of((**made)[0]), "two");
    EXPECT_EQ((**made)[1].size, 5U);
    EXPECT_EQ((**made)[2].name(), "not asked for");
    EXPECT_EQ((**made)[2].etag(), "e");
    EXPECT_EQ((*made)->entry(2).mtime_unix_s, 1'767'323'045);
    EXPECT_EQ((**made)[3].name(), "b");
    EXPECT_EQ(server->stats().count("HeadObject"), 3U);  // the file's, and two objects'
}

TEST_F(ManifestTest, AManifestFileIsReadInRanges) {
    std::string lines;
    std::vector<std::string> wanted;
    for (int i = 0; i < 150'000; ++i) {
        wanted.push_back("folder/" + std::to_string(i));
        lines += R"({"bucket":"src","key":")" + wanted.back() +
                 R"(","size":1,"etag":"\"e\"","last_modified":"2026-01-02T03:04:05Z"})" + "\n";
    }
    ASSERT_GT(lines.size(), 9U << 20);
    put("out", "list", lines);
    request.sources[0] = {};
    request.sources[0].manifest = {"out", "list", ""};
    EXPECT_EQ(names(), wanted);
}

TEST_F(ManifestTest, AManifestFileThatIsMissingOrWrongFailsByName) {
    request.sources[0] = {};
    request.sources[0].manifest = {"out", "list", ""};
    request.options.on_missing = OnMissing::skip;
    EXPECT_EQ(error().kind, base::ErrorKind::not_found);
    EXPECT_EQ(error().key, "out/list");
    put("out", "list", "{\"bucket\":\"src\",\"key\":\"a\"}\n{\"bucket\":\"src\"}\n");
    const base::Error wrong = error();
    EXPECT_EQ(wrong.code, "bad_manifest");
    EXPECT_EQ(wrong.key, "out/list");
    EXPECT_THAT(wrong.detail, HasSubstr("line 2: bucket and key are required"));
}

}  // namespace
}  // namespace archive
