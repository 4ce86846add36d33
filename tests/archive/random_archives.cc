// random_archives SEED COUNT: archives of random manifests on standard output, for
// zipfile_property.py to write again with Python's zipfile. Each case is a line of fields with
// spaces between, then the archive's bytes:
//
//   archive-size comment timestamps object-count entry-count
//     {key size data}...  {name size mtime data}...
//
// Texts are hexadecimal, "-" if empty; what an entry holds is given again, not pointed at, since it
// is for the reader to find out whether all objects are there.
#include <fmt/format.h>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "archive/plan.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/random.h"
#include "zip/central_directory.h"
#include "zip/crc32.h"

namespace {

struct Object {
    std::string key, data;
    std::int64_t mtime_unix_s;
};

std::string random_key(base::Random& random) {
    static constexpr const char* kPieces[] = {"a",
                                              "A",
                                              "b.txt",
                                              "/",
                                              "/",
                                              "//",
                                              "..",
                                              ".",
                                              " ",
                                              "\\",
                                              "nul",
                                              "CON.txt",
                                              "C:",
                                              "\xC3\xA4",
                                              "a\xCC\x88",
                                              "\xFF",
                                              "\n",
                                              "folder/",
                                              "1",
                                              "?*",
                                              "~",
                                              "\xE6\x97\xA5",
                                              "x (2)",
                                              "README",
                                              "readme",
                                              "\xC3\x9F",
                                              "\xF0\x9F\x98\x80",
                                              "long-long-long-long-name"};
    std::string key;
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n)
        key += kPieces[random.below(std::size(kPieces))];
    if (random.below(50) == 0) key.append(300 + random.below(500), 'L');
    return key;
}

std::vector<Object> random_objects(base::Random& random) {
    std::map<std::string, Object> objects;  // keys are unique, and listed in order
    for (std::uint64_t n = random.below(14); n > 0; --n) {
        Object object{random_key(random), {}, 0};
        if (random.below(8) == 0) object.key += '/';
        if (random.below(3) != 0) {
            object.data = object.key + "\n";  // so that no two objects hold the same
            for (std::uint64_t left = random.below(300); left > 0; --left)
                object.data += static_cast<char>(random.next());
        }
        const std::uint64_t era = random.below(10);
        object.mtime_unix_s =
            era == 0   ? static_cast<std::int64_t>(random.below(315'532'800))
            : era == 1 ? 2'147'483'640 + static_cast<std::int64_t>(random.below(20))
            : era == 2 ? 4'354'819'190 + static_cast<std::int64_t>(random.below(20))
                       : static_cast<std::int64_t>(random.below(2'147'483'648));
        objects.emplace(object.key, object);
    }
    std::vector<Object> list;
    for (auto& [key, object] : objects) list.push_back(std::move(object));
    return list;
}

archive::ArchiveRequest random_request(base::Random& random) {
    archive::ArchiveRequest request;
    request.sources.emplace_back().bucket = "src";
    archive::Options& options = request.options;
    options.on_empty = archive::OnEmpty::archive;
    options.on_duplicate = archive::OnDuplicate::rename;
    options.flatten = random.below(5) == 0;
    if (random.below(5) == 0) options.strip_prefix = random.below(2) == 0 ? "a" : "folder/";
    if (random.below(3) == 0) options.timestamps = archive::Timestamps::fixed;
    if (random.below(3) == 0) options.order = archive::EntryOrder::key;
    options.comment.assign(random.below(3) == 0 ? random.below(100) : 0, 'c');
    return request;
}

std::string hex(std::string_view text) {
    return text.empty() ? "-" : base::hex(base::as_bytes(text));
}

base::Bytes bytes_of(std::string& text, std::uint64_t at, std::size_t size) {
    return {reinterpret_cast<std::byte*>(text.data()) + at, size};
}

std::string written(const archive::Plan& plan, const std::map<std::string, std::string>& data) {
    const zip::Layout& layout = plan.layout();
    std::string archive(layout.archive_size(), '\xEE');
    std::vector<std::uint32_t> crcs;
    for (std::uint64_t i = 0; i < layout.count(); ++i) {
        const std::string& bytes = data.at(std::string(plan.manifest()[i].key()));
        crcs.push_back(zip::crc32_update(0, base::as_bytes(bytes)));
        zip::encode_local_file_header(
            plan.manifest().entry(i), crcs.back(),
            bytes_of(archive, layout.header_offset(i), layout.header_size(i)));
        bytes.copy(archive.data() + layout.data_offset(i), bytes.size());
    }
    zip::CentralDirectory(layout, plan.manifest(), crcs, plan.comment())
        .read(layout.cd_offset(),
              bytes_of(archive, layout.cd_offset(), layout.archive_size() - layout.cd_offset()));
    return archive;
}

void put_case(base::Random& random) {
    const archive::ArchiveRequest request = random_request(random);
    const std::vector<Object> objects = random_objects(random);
    std::map<std::string, std::string> data;
    archive::Selection selection(request);
    std::string line;
    for (const Object& object : objects) {
        archive::FoundObject found;
        found.key = object.key;
        found.size = object.data.size();
        found.last_modified_s = object.mtime_unix_s;
        CHECK(selection.add("src", found, {}).has_value());
        data[object.key] = object.data;
        line += fmt::format(" {} {} {}", hex(object.key), object.data.size(), hex(object.data));
    }
    const auto manifest = archive::Manifest::make(std::move(selection), request);
    CHECK(manifest.has_value());
    const auto plan =
        archive::Plan::make(*manifest, request, {.sizing = {}, .single_put_max = 1 << 30});
    CHECK(plan.has_value());
    const std::uint64_t count = (*manifest)->count();
    for (std::uint64_t i = 0; i < count; ++i) {
        const zip::Entry entry = (*manifest)->entry(i);
        line += fmt::format(" {} {} {} {}", hex(entry.name), entry.size, entry.mtime_unix_s,
                            hex(data.at(std::string((**manifest)[i].key()))));
    }
    const std::string archive = written(**plan, data);
    const std::string head =
        fmt::format("{} {} {} {} {}{}\n", archive.size(), hex(request.options.comment),
                    request.options.timestamps == archive::Timestamps::fixed ? "fixed" : "source",
                    objects.size(), count, line);
    std::fwrite(head.data(), 1, head.size(), stdout);
    std::fwrite(archive.data(), 1, archive.size(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SEED COUNT\n", argv[0]);
        return 2;
    }
    base::Random random(std::strtoull(argv[1], nullptr, 10));
    for (unsigned long long n = std::strtoull(argv[2], nullptr, 10); n > 0; --n) put_case(random);
    return std::fflush(stdout) == 0 ? 0 : 1;
}
