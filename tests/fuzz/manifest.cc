// A manifest file: the same objects or the same error however it is cut, each object valid; and
// what is made of them, entries and plan, keeps its promises.
//
// Input: the file; from the back, where it is cut and the options.
#include "archive/manifest.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "archive/manifest_lines.h"
#include "archive/plan.h"
#include "base/check.h"
#include "fuzz_input.h"
#include "s3client/endpoint.h"

namespace {

using archive::ManifestLines;
using archive::WantedObject;

struct Read {
    base::Status status;
    std::vector<WantedObject> objects;
};

Read read(std::string_view file, std::size_t piece) {
    Read result;
    ManifestLines lines;
    while (!file.empty() && result.status) {
        const std::string_view now = file.substr(0, piece);
        file.remove_prefix(now.size());
        result.status = lines.feed(now, result.objects);
    }
    if (result.status) result.status = lines.finish(result.objects);
    return result;
}

void check_same(const Read& a, const Read& b) {
    CHECK(a.status.has_value() == b.status.has_value());
    if (!a.status) CHECK(a.status.error().detail == b.status.error().detail);
    CHECK(a.objects.size() == b.objects.size());
    for (std::size_t i = 0; i < a.objects.size(); ++i) {
        const WantedObject &x = a.objects[i], &y = b.objects[i];
        CHECK(x.bucket == y.bucket && x.choice.key == y.choice.key &&
              x.choice.name == y.choice.name && x.choice.version_id == y.choice.version_id &&
              x.known.has_value() == y.known.has_value());
    }
}

archive::ArchiveRequest request_from(fuzz::FuzzInput& input) {
    archive::ArchiveRequest request;
    request.sources.emplace_back().bucket = "src";
    archive::Options& options = request.options;
    options.on_empty = archive::OnEmpty::archive;
    options.on_duplicate = archive::OnDuplicate::rename;
    options.on_missing = archive::OnMissing::skip;
    options.list_missing = input.flag();
    options.flatten = input.flag();
    options.order = input.flag() ? archive::EntryOrder::key : archive::EntryOrder::given;
    options.names = input.flag() ? zip::NamePolicy::raw : zip::NamePolicy::safe;
    return request;
}

// Objects of which nothing is known are missing.
void check_plan(const std::vector<WantedObject>& objects, const archive::ArchiveRequest& request) {
    archive::Selection selection(request);
    std::size_t found = 0;
    for (const WantedObject& object : objects) {
        if (!object.known) {
            CHECK(selection.add_missing(object.bucket, object.choice.key));
            continue;
        }
        archive::FoundObject it;
        it.key = object.choice.key;
        it.version_id = object.choice.version_id;
        it.etag = object.known->etag;
        it.size = object.known->size >> 24;  // sums of them fit an archive
        it.last_modified_s = object.known->last_modified_s;
        if (!selection.add(object.bucket, it, object.choice.name)) return;
        ++found;
    }
    const auto manifest = archive::Manifest::make(std::move(selection), request);
    if (!manifest) return;  // a name that is too long or too deep
    std::set<std::string_view> names;
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < (*manifest)->count(); ++i) {
        const zip::Entry entry = (*manifest)->entry(i);
        CHECK(names.insert(entry.name).second);
        if ((*manifest)->text_of(i).empty()) bytes += entry.size;
    }
    CHECK(bytes == (*manifest)->source_bytes());
    CHECK((*manifest)->count() <= found + 1);
    const auto plan = archive::Plan::make(
        *manifest, request, {.sizing = {.preferred = 64 << 20, .memory_max = 5ULL << 30}});
    if (!plan) return;
    std::uint64_t at = 0;
    for (const archive::Part& part : (*plan)->parts()) {
        CHECK(part.begin == at && part.end > at);
        at = part.end;
    }
    CHECK(at == (*plan)->layout().archive_size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::FuzzInput input(data, size);
    const archive::ArchiveRequest request = request_from(input);
    const std::size_t piece = 1 + input.byte();
    const std::string_view file = input.rest();
    const Read whole = read(file, std::max<std::size_t>(1, file.size()));
    check_same(whole, read(file, piece));
    for (const WantedObject& object : whole.objects) {
        CHECK(s3client::check_bucket(object.bucket, false));
        CHECK(s3client::check_key(object.choice.key));
    }
    check_plan(whole.objects, request);
    return 0;
}
