// Archived objects: what can be said of them, and how they come back.
#include <fmt/format.h>
#include <atomic>
#include <chrono>
#include <filesystem>

#include "client.h"
#include "s3sim/http.h"

namespace s3sim::test {
namespace {

using namespace std::chrono_literals;

// The system's clock, moved forward by the test.
class MovedClock final : public base::Clock {
  public:
    base::SteadyTime steady_now() override { return base::system_clock().steady_now(); }
    base::UtcTime utc_now() override { return base::system_clock().utc_now() + ahead.load(); }
    std::atomic<std::chrono::milliseconds> ahead{0ms};
};

class ArchiveTest : public ServerTest {
  protected:
    void begin(std::uint64_t restore_ms = 0, std::string root = {}) {
        Options options;
        options.clock = &clock;
        options.restore_ms = restore_ms;
        options.root = std::move(root);
        if (options.root.empty()) options.versioned = {"ver"};
        start(options);
        client->ahead = clock.ahead.load();
    }
    void TearDown() override { server.reset(); }  // before the clock
    void pass(std::chrono::milliseconds time) {
        clock.ahead = clock.ahead.load() + time;
        client->ahead = clock.ahead.load();
    }
    Answer call(std::string_view method, std::string_view query = {}, std::string_view body = {},
                std::string_view path = "/bkt/k") {
        return client->call(method, path, query, body);
    }
    Answer restore(std::string_view inside = "<Days>3</Days>") {
        return call("POST", "restore=", fmt::format("<RestoreRequest>{}</RestoreRequest>", inside));
    }
    std::string said_of_restore() {
        const Answer head = call("HEAD");
        const auto at = head.headers.find("x-amz-restore");
        return at == head.headers.end() ? "-" : at->second;
    }
    std::string listed_restore() {
        const Answer page = client->call("GET", "/bkt", "list-type=2", {},
                                         {{"x-amz-optional-object-attributes", "RestoreStatus"}});
        EXPECT_EQ(page.all("Key").size(), 1U) << page.body;
        return page.xml("RestoreStatus");
    }
    // Three days on, at the midnight that follows.
    std::chrono::sys_days expiry() {
        return std::chrono::floor<std::chrono::days>(clock.utc_now()) + std::chrono::days(4);
    }
    MovedClock clock;
};

TEST_F(ArchiveTest, ReadingIsRefusedUntilRestored) {
    begin();
    for (const std::string_view storage : {"GLACIER", "DEEP_ARCHIVE"}) {
        ASSERT_TRUE(server->put("bkt", "k", "cold", storage));
        EXPECT_EQ(call("HEAD").headers.at("x-amz-storage-class"), storage);
        EXPECT_EQ(said_of_restore(), "-");
        EXPECT_EQ(call("GET").status, 403);
        EXPECT_EQ(call("GET").code(), "InvalidObjectState");
        EXPECT_EQ(call("GET").xml("StorageClass"), storage);
        EXPECT_EQ(listed_restore(), "");

        EXPECT_EQ(restore().status, 202);
        EXPECT_EQ(call("GET").body, "cold");
        EXPECT_EQ(said_of_restore(), fmt::format("ongoing-request=\"false\", expiry-date=\"{}\"",
                                                 format_http_date(expiry())));
        EXPECT_EQ(call("GET").headers.at("x-amz-restore"), said_of_restore());
        EXPECT_EQ(call("HEAD").headers.at("x-amz-storage-class"), storage);
        EXPECT_EQ(listed_restore(), fmt::format("<IsRestoreInProgress>false</IsRestoreInProgress>"
                                                "<RestoreExpiryDate>{}</RestoreExpiryDate>",
                                                base::format_rfc3339(expiry())));
        EXPECT_EQ(client->call("GET", "/bkt", "list-type=2").xml("RestoreStatus"), "");
        EXPECT_EQ(restore().status, 200);
    }
}

TEST_F(ArchiveTest, CopyingIsRefusedUntilRestored) {
    begin();
    ASSERT_TRUE(server->put("bkt", "k", "cold", "GLACIER"));
    const std::string id = create("z");
    const auto copy = [&] {
        return client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + id, {},
                            {{"x-amz-copy-source", "bkt/k"}});
    };
    EXPECT_EQ(copy().code(), "InvalidObjectState");
    EXPECT_EQ(copy().xml("StorageClass"), "GLACIER");
    ASSERT_EQ(restore().status, 202);
    EXPECT_EQ(copy().status, 200);
}

TEST_F(ArchiveTest, ARestoreTakesItsTime) {
    begin(60'000);
    ASSERT_TRUE(server->put("bkt", "k", "cold", "DEEP_ARCHIVE"));
    EXPECT_EQ(restore().status, 202);
    EXPECT_EQ(said_of_restore(), "ongoing-request=\"true\"");
    EXPECT_EQ(call("GET").code(), "InvalidObjectState");
    EXPECT_EQ(listed_restore(), "<IsRestoreInProgress>true</IsRestoreInProgress>");
    const Answer again = restore();
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "RestoreAlreadyInProgress");
    pass(60s);
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_TRUE(said_of_restore().starts_with("ongoing-request=\"false\""));
    EXPECT_EQ(restore().status, 200);
    EXPECT_EQ(call("GET").body, "cold");  // a longer life does not take the copy away
}

TEST_F(ArchiveTest, TheCopyExpires) {
    begin();
    ASSERT_TRUE(server->put("bkt", "k", "cold", "GLACIER"));
    ASSERT_EQ(restore("<Days>1</Days>").status, 202);
    pass(24h);
    EXPECT_EQ(call("GET").body, "cold");
    pass(24h);
    EXPECT_EQ(call("GET").code(), "InvalidObjectState");
    EXPECT_EQ(said_of_restore(), "-");
    EXPECT_EQ(listed_restore(), "");
    EXPECT_EQ(restore().status, 202);
    EXPECT_EQ(call("GET").body, "cold");
    ASSERT_TRUE(server->put("bkt", "k", "new", "GLACIER"));  // another object: nothing restored
    EXPECT_EQ(call("GET").code(), "InvalidObjectState");
    EXPECT_EQ(said_of_restore(), "-");
}

TEST_F(ArchiveTest, RestoresThatAreRefused) {
    begin();
    EXPECT_EQ(restore().code(), "NoSuchKey");
    ASSERT_TRUE(server->put("bkt", "k", "warm"));
    EXPECT_EQ(restore().status, 403);
    EXPECT_EQ(restore().code(), "InvalidObjectState");
    ASSERT_TRUE(server->put("bkt", "k", "cool", "GLACIER_IR"));
    EXPECT_EQ(call("GET").body, "cool");
    EXPECT_EQ(restore().code(), "InvalidObjectState");
    ASSERT_TRUE(server->put("bkt", "k", "cold", "DEEP_ARCHIVE"));
    EXPECT_EQ(call("POST", "restore=").code(), "MalformedXML");
    EXPECT_EQ(restore("").code(), "MalformedXML");
    EXPECT_EQ(restore("<Days>x</Days>").code(), "MalformedXML");
    EXPECT_EQ(restore("<Days>0</Days>").code(), "InvalidArgument");
    const auto tier = [&](std::string_view name) {
        return restore(fmt::format(
            "<Days>1</Days><GlacierJobParameters><Tier>{}</Tier></GlacierJobParameters>", name));
    };
    EXPECT_EQ(tier("Slow").code(), "MalformedXML");
    EXPECT_EQ(tier("Expedited").code(), "InvalidArgument");
    EXPECT_EQ(restore("<Type>SELECT</Type>").code(), "NotImplemented");
    EXPECT_EQ(call("GET").status, 403);
    EXPECT_EQ(tier("Bulk").status, 202);
}

TEST_F(ArchiveTest, OneVersionIsRestored) {
    begin();
    const std::string one = *server->put("ver", "k", "first", "GLACIER");
    const std::string two = *server->put("ver", "k", "second", "GLACIER");
    const std::string xml = "<RestoreRequest><Days>3</Days></RestoreRequest>";
    EXPECT_EQ(call("POST", "restore=&versionId=" + one, xml, "/ver/k").status, 202);
    EXPECT_EQ(call("GET", "versionId=" + one, {}, "/ver/k").body, "first");
    EXPECT_EQ(call("GET", {}, {}, "/ver/k").code(), "InvalidObjectState");
    ASSERT_TRUE(server->remove("ver", "k"));
    EXPECT_EQ(call("POST", "restore=", xml, "/ver/k").code(), "MethodNotAllowed");
}

TEST_F(ArchiveTest, ArchiveTiersOfIntelligentTiering) {
    begin(60'000);
    ASSERT_TRUE(server->put("bkt", "k", "cold", "INTELLIGENT_TIERING"));
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_EQ(restore("").code(), "InvalidObjectState");
    ASSERT_TRUE(server->set_archive_status("bkt", "k", "ARCHIVE_ACCESS"));
    EXPECT_EQ(call("HEAD").headers.at("x-amz-archive-status"), "ARCHIVE_ACCESS");
    EXPECT_EQ(call("GET").status, 403);
    EXPECT_EQ(call("GET").xml("StorageClass"), "INTELLIGENT_TIERING");
    EXPECT_EQ(call("GET").xml("AccessTier"), "ARCHIVE_ACCESS");
    EXPECT_EQ(restore("<Days>1</Days>").code(), "InvalidArgument");
    EXPECT_EQ(restore("").status, 202);
    EXPECT_EQ(call("GET").status, 403);
    EXPECT_EQ(said_of_restore(), "ongoing-request=\"true\"");
    EXPECT_EQ(listed_restore(), "<IsRestoreInProgress>true</IsRestoreInProgress>");
    pass(60s);
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_FALSE(call("HEAD").headers.contains("x-amz-archive-status"));
    EXPECT_EQ(said_of_restore(), "-");  // it is no copy: the object is back
    EXPECT_EQ(listed_restore(), "");
    EXPECT_EQ(restore("").code(), "InvalidObjectState");
    // Over HTTP, too.
    const auto control = [&](std::string_view query) {
        client->send_raw(
            fmt::format("POST /_s3sim/archive-status?{} HTTP/1.1\r\nHost: x\r\n"
                        "Content-Length: 0\r\n\r\n",
                        query));
        return client->receive().status;
    };
    EXPECT_EQ(control("bucket=bkt&key=k&status=DEEP_ARCHIVE_ACCESS"), 200);
    EXPECT_EQ(call("GET").xml("AccessTier"), "DEEP_ARCHIVE_ACCESS");
    EXPECT_EQ(control("bucket=bkt&key=k&status="), 200);
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_EQ(control("bucket=bkt&key=k&status=FROZEN"), 400);
    EXPECT_EQ(control("bucket=bkt&key=absent&status=ARCHIVE_ACCESS"), 404);
    ASSERT_TRUE(server->put("bkt", "k", "warm"));
    EXPECT_FALSE(server->set_archive_status("bkt", "k", "ARCHIVE_ACCESS"));
}

TEST_F(ArchiveTest, TestsRestoreWithoutARequest) {
    begin(60'000);
    EXPECT_FALSE(server->restore("bkt", "k"));
    ASSERT_TRUE(server->put("bkt", "k", "cold", "GLACIER"));
    ASSERT_TRUE(server->restore("bkt", "k"));
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_TRUE(said_of_restore().starts_with("ongoing-request=\"false\""));
    ASSERT_TRUE(server->put("bkt", "k", "warm"));
    EXPECT_FALSE(server->restore("bkt", "k"));
}

TEST_F(ArchiveTest, UnknownAttributesOfAListing) {
    begin();
    EXPECT_EQ(client
                  ->call("GET", "/bkt", "list-type=2", {},
                         {{"x-amz-optional-object-attributes", "Colour"}})
                  .code(),
              "InvalidArgument");
}

TEST_F(ArchiveTest, FilesRememberThatTheyWereRestored) {
    std::string root = (std::filesystem::temp_directory_path() / "s3sim-cold-XXXXXX").string();
    ASSERT_NE(::mkdtemp(root.data()), nullptr);
    begin(0, root);
    ASSERT_TRUE(server->put("bkt", "k", "cold", "GLACIER"));
    EXPECT_EQ(call("GET").code(), "InvalidObjectState");
    const std::string etag = call("HEAD").headers.at("etag");
    ASSERT_EQ(restore().status, 202);
    const std::string said = said_of_restore();
    server.reset();
    begin(0, root);
    EXPECT_EQ(call("GET").body, "cold");
    EXPECT_EQ(said_of_restore(), said);
    EXPECT_EQ(call("HEAD").headers.at("etag"), etag);
    EXPECT_NE(listed_restore(), "");
    server.reset();
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace s3sim::test
