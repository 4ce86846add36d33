// Objects that are not plain: versions, archived and restored ones, missing ones, odd names. Whole
// jobs, the archive read back.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::EngineTest;
using test::kMiB;
using test::random_text;
using test::read_archive;
using testing::HasSubstr;

class EngineObjects : public EngineTest {
  protected:
    // Name -> data of a job's archive; the job must succeed.
    std::map<std::string, std::string> content(const ArchiveRequest& what) {
        result = run(what);
        EXPECT_EQ(result.state, JobState::succeeded)
            << (result.error ? result.error->to_string() : "");
        std::map<std::string, std::string> found;
        const auto bytes = server->get("out", what.destination.key);
        if (!bytes) return found;
        const auto archive = read_archive(*bytes);
        EXPECT_EQ(archive.problem, "");
        for (const auto& entry : archive.entries) found[entry.name] = entry.data;
        EXPECT_EQ(found.size(), archive.entries.size());
        const auto report = verify(what.destination.key);
        EXPECT_TRUE(report && report->findings.empty());
        return found;
    }
    base::Error error(const ArchiveRequest& what) {
        result = run(what);
        EXPECT_EQ(result.state, JobState::failed);
        expect_nothing_left();
        return result.error.value_or(base::Error{});
    }

    JobSnapshot result;
};
ON_ENGINES(EngineObjects);

TEST_P(EngineObjects, OfAVersionAreThatVersion) {
    ASSERT_TRUE(server->set_versioning("src", true));
    const std::string first = *server->put("src", "k", "the first");
    ASSERT_TRUE(server->put("src", "k", "the second"));
    const std::string large = *server->put("src", "large", random_text(1, 21 * kMiB));
    ASSERT_TRUE(server->remove("src", "large"));
    start_engine(config(2, 40));
    ArchiveRequest what = request();
    what.sources[0].objects = {{"k", "old", first}, {"k", "new", ""}, {"large", "", large}};
    const auto found = content(what);
    EXPECT_EQ(found.at("old"), "the first");
    EXPECT_EQ(found.at("new"), "the second");
    EXPECT_TRUE(found.at("large") == random_text(1, 21 * kMiB));
}

TEST_P(EngineObjects, OfAVersionThatIsGoneAreMissing) {
    ASSERT_TRUE(server->set_versioning("src", true));
    const std::string gone = *server->put("src", "k", "the first");
    ASSERT_TRUE(server->put("src", "k", "the second"));
    ASSERT_TRUE(server->remove("src", "k", gone));
    ASSERT_TRUE(server->put("src", "deleted", "x"));
    ASSERT_TRUE(server->remove("src", "deleted"));
    start_engine();
    ArchiveRequest what = request();
    what.sources[0].objects = {{"k", "", gone}};
    EXPECT_EQ(error(what).key, "src/k");
    what.sources[0].objects = {{"deleted", "", ""}};
    EXPECT_EQ(error(what).key, "src/deleted");
    what.options.on_missing = OnMissing::skip;
    what.sources[0].objects = {{"k", "", gone}, {"deleted", "", ""}, {"k", "", ""}};
    const auto found = content(what);
    EXPECT_EQ(found.size(), 1U);
    EXPECT_EQ(found.at("k"), "the second");
    EXPECT_EQ(result.result->report->skipped().size(), 2U);
}

TEST_P(EngineObjects, ThatWereRestoredCanBeRead) {
    ASSERT_TRUE(server->put("src", "cold", "frozen", "DEEP_ARCHIVE"));
    ASSERT_TRUE(server->put("src", "warm", "readable", "GLACIER_IR"));
    start_engine();
    const base::Error frozen = error(request());
    EXPECT_EQ(frozen.code, "object_archived");
    EXPECT_EQ(frozen.key, "src/cold");
    ASSERT_TRUE(server->restore("src", "cold"));
    EXPECT_EQ(content(request("listed.zip")).at("cold"), "frozen");
    ArchiveRequest named = request("named.zip");
    named.sources[0].objects = {{"cold", "", ""}, {"warm", "", ""}};
    EXPECT_EQ(content(named).size(), 2U);
}

// A listing does not tell; a HEAD does, and a GET refuses.
TEST_P(EngineObjects, InAnArchiveTierAreNamed) {
    ASSERT_TRUE(server->put("src", "tiered", "x", "INTELLIGENT_TIERING"));
    ASSERT_TRUE(server->set_archive_status("src", "tiered", "ARCHIVE_ACCESS"));
    start_engine();
    for (const bool listed : {false, true}) {
        ArchiveRequest what = request();
        if (!listed) what.sources[0].objects = {{"tiered", "", ""}};
        const base::Error archived = error(what);
        EXPECT_EQ(archived.code, "object_archived");
        EXPECT_EQ(archived.key, "src/tiered");
    }
}

TEST_P(EngineObjects, ThatAreMissingAreListedInsideOnRequest) {
    put("a", "here");
    put("b", random_text(2, 12 * kMiB));
    start_engine(config(2, 40));
    for (const bool parts : {false, true}) {
        ArchiveRequest what = request(parts ? "parts.zip" : "put.zip");
        what.sources[0].objects = {{"a", "", ""}, {"gone", "", ""}};
        if (parts) what.sources[0].objects->push_back({"b", "", ""});
        what.options.on_missing = OnMissing::skip;
        what.options.list_missing = true;
        const auto planned = plan(what);
        const auto found = content(what);
        EXPECT_EQ(found.size(), parts ? 3U : 2U);
        EXPECT_THAT(found.at("_MISSING.txt"), HasSubstr("not_found\ts3://src/gone\n"));
        EXPECT_EQ(planned->archive_size, result.result->size);
        EXPECT_EQ(planned->requests, result.requests);
    }
}

// So many that the list itself spans parts.
TEST_P(EngineObjects, AreMissingInMillionsOfBytes) {
    put("a", "here");
    start_engine(config(2, 40));
    ArchiveRequest what = request();
    what.sources[0].objects = {{"a", "", ""}};
    for (int i = 0; i < 25'000; ++i)
        what.sources[0].objects->push_back({std::string(1000, 'k') + std::to_string(i), "", ""});
    what.options.on_missing = OnMissing::skip;
    what.options.list_missing = true;
    what.options.part_size_bytes = 10 * kMiB;
    const auto found = content(what);
    EXPECT_GT(result.parts_total, 2U);
    const std::string& list = found.at("_MISSING.txt");
    EXPECT_EQ(std::ranges::count(list, '\n'), 25'001);
    EXPECT_THAT(list, HasSubstr("k24999\n"));
}

// Whoever may post a manifest file may not read all that it names.
TEST_P(EngineObjects, ThatAManifestNamesOutsideOfTheScopeAreNotRead) {
    put("public/a", "for all");
    put("private/b", "for few");
    const std::string line = R"({"bucket":"src","key":"public/a"})"
                             "\n";
    const std::string secret = R"({"bucket":"src","key":"private/b"})"
                               "\n";
    put("public/list", line);
    put("public/list2", line + secret);
    put("public/list3", line + R"({"bucket":"out","key":"public/a"})"
                               "\n");
    start_engine();
    ArchiveRequest what = request();
    what.sources[0] = {};
    what.scope = std::make_shared<RequestScope>(
        RequestScope{std::vector<ObjectPrefix>{{"src", "public/"}}, std::nullopt});
    for (const char* list : {"public/list2", "public/list3"}) {
        what.sources[0].manifest = ObjectAddress{"src", list, ""};
        const auto refused = error(what);
        EXPECT_EQ(refused.code, "not_allowed");
        EXPECT_EQ(refused.kind, base::ErrorKind::denied);
        EXPECT_EQ(plan(what).error().code, "not_allowed");
    }
    what.sources[0].manifest = ObjectAddress{"src", "public/list", ""};
    EXPECT_EQ(content(what).at("public/a"), "for all");
}

TEST_P(EngineObjects, OfHostileKeysAllArriveUnderSafeNames) {
    const std::vector<std::string> keys = {
        "../../etc/passwd", "/abs", "a//b", "a\\b",    "C:/x", "nul.txt", "dot.",
        "caf\xE9",          "A",    "a",    "a/under", "d/",   "..",      "line\nfeed"};
    for (const std::string& key : keys) ASSERT_TRUE(server->put("src", key, "data of " + key));
    start_engine();
    ArchiveRequest what = request();
    what.options.on_duplicate = OnDuplicate::rename;
    const auto found = content(what);
    std::vector<std::string> wanted, got;
    for (const std::string& key : keys) wanted.push_back("data of " + key);
    for (const auto& [name, data] : found) got.push_back(data);
    EXPECT_THAT(got, testing::UnorderedElementsAreArray(wanted));
    EXPECT_GT(result.result->report->renamed().size(), 10U);
    for (const RenamedObject& r : result.result->report->renamed())
        EXPECT_EQ(found.at(std::string(r.name)), "data of " + std::string(r.key));
    what.options.names = zip::NamePolicy::strict;
    what.destination.key = "strict.zip";
    EXPECT_EQ(run(what).error->code, "unsafe_name");
}

}  // namespace
}  // namespace archive
