// Equal input gives equal bytes: over back ends, numbers of reactors, part sizes and memory, with
// retries forced, with objects uploaded anew, and in whatever order a request names them.
#include "archive/engine.h"
#include "engine_fixture.h"

namespace archive {
namespace {

using test::io_choices;
using test::kMiB;
using test::random_text;

class EngineSameBytes : public test::EngineTest {
  protected:
    void SetUp() override {
        EngineTest::SetUp();
        put_mixed();
        ASSERT_TRUE(server->put("src", "folder/", ""));
        ASSERT_TRUE(server->put("src", "/unsafe\\name. ", "unsafe"));
        ASSERT_TRUE(server->put("src", "SMALL/7.TXT", "a clash"));
    }
    // Explicit objects, some missing: every kind of entry is in the archive.
    ArchiveRequest whole() const {
        ArchiveRequest what = request();
        what.sources[0].objects.emplace();
        for (const std::string& key : server->keys("src"))
            what.sources[0].objects->push_back({key, "", ""});
        what.sources[0].objects->push_back({"gone", "", ""});
        what.options.on_duplicate = OnDuplicate::rename;
        what.options.on_missing = OnMissing::skip;
        what.options.list_missing = true;
        what.options.order = EntryOrder::key;
        what.options.comment = "the same";
        what.destination.overwrite = true;
        return what;
    }
    std::string bytes_of(const ArchiveRequest& what) {
        const JobSnapshot s = run(what);
        EXPECT_EQ(s.state, JobState::succeeded) << (s.error ? s.error->to_string() : "");
        return server->get("out", what.destination.key).value_or("");
    }
    EngineConfig config_of(IoChoice io, unsigned reactors, std::uint64_t memory_mib) const {
        EngineConfig with = config(reactors, memory_mib);
        with.io = io;
        return with;
    }
};
INSTANTIATE_TEST_SUITE_P(All, EngineSameBytes, testing::Values(IoChoice::epoll));

TEST_P(EngineSameBytes, HoweverTheyAreMade) {
    struct Way {
        unsigned reactors;
        std::uint64_t memory_mib, part_mib;
    };
    constexpr const char* kFaults[] = {
        "", "GetObject every=3 reset-after=1000; UploadPart every=4 status=503; * every=11 reset",
        "GetObject every=4 short=500; UploadPart every=3 lost-answer; PutObject nth=1 lost-answer"};
    std::string reference;
    for (const IoChoice io : io_choices()) {
        for (const Way way : {Way{1, 20, 0}, Way{2, 40, 10}, Way{2, 256, 0}, Way{4, 80, 16}}) {
            start_engine(config_of(io, way.reactors, way.memory_mib));
            for (const char* faults : kFaults) {
                SCOPED_TRACE(testing::Message() << way.reactors << " reactors, parts of "
                                                << way.part_mib << " MiB, faults: " << faults);
                ASSERT_TRUE(server->set_faults(faults));
                server->reset_stats();
                ArchiveRequest what = whole();
                what.options.part_size_bytes = way.part_mib * kMiB;
                const std::string bytes = bytes_of(what);
                ASSERT_FALSE(bytes.empty());
                EXPECT_EQ(server->stats().faults_fired > 0, *faults != '\0');
                if (reference.empty()) reference = bytes;
                ASSERT_TRUE(bytes == reference);
            }
        }
    }
    ASSERT_TRUE(server->set_faults(""));
    EXPECT_TRUE(verify("a.zip")->findings.empty());
}

TEST_P(EngineSameBytes, AfterANewUploadAndInAnyOrderOfTheRequest) {
    start_engine();
    ArchiveRequest what = whole();
    const std::string reference = bytes_of(what);
    base::Random random(5);
    for (int round = 0; round < 5; ++round) {
        std::vector<ObjectChoice>& objects = *what.sources[0].objects;
        for (std::size_t i = objects.size(); i > 1; --i)
            std::swap(objects[i - 1], objects[random.below(i)]);
        for (const std::string& key : server->keys("src"))
            ASSERT_TRUE(server->put("src", key, server->get("src", key).value()));
        ASSERT_TRUE(bytes_of(what) == reference);
    }
}

}  // namespace
}  // namespace archive
