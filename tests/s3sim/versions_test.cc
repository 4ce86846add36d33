// Buckets that keep versions: what puts, reads, deletes and listings make of them.
#include <fmt/format.h>
#include <filesystem>

#include "base/encoding.h"
#include "client.h"

namespace s3sim::test {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kUnknown = "HPniJFCxqTsMuIH9KX8K8wEjNUgm._CD";
constexpr std::string_view kVersion = "x-amz-version-id";
constexpr std::string_view kMarker = "x-amz-delete-marker";

std::string header(const Answer& answer, std::string_view name) {
    const auto at = answer.headers.find(std::string(name));
    return at == answer.headers.end() ? "-" : at->second;
}

class VersionsTest : public ServerTest {
  protected:
    void SetUp() override {
        Options options;
        options.versioned = {"ver"};
        options.sinks = {"sink"};
        options.synthetic["src"] = "count=3,size=10";
        start(options);
    }
    Answer call(std::string_view method, std::string_view version = {}, std::string_view key = "k",
                std::string_view body = {}, Headers headers = {}) {
        const std::string query =
            version.empty() ? std::string() : fmt::format("versionId={}", version);
        return client->call(method, fmt::format("/ver/{}", key), query, body, std::move(headers));
    }
    std::string put(std::string_view bytes, std::string_view key = "k") {
        return server->put("ver", key, bytes).value_or("failed");
    }
    Answer set_status(std::string_view status, std::string_view bucket = "ver") {
        return client->call("PUT", fmt::format("/{}", bucket), "versioning=",
                            fmt::format("<VersioningConfiguration><Status>{}</Status>"
                                        "</VersioningConfiguration>",
                                        status));
    }
    Texts listed(std::string_view bucket = "ver") {
        return client->call("GET", fmt::format("/{}", bucket), "list-type=2").all("Key");
    }
};

TEST_F(VersionsTest, EveryPutMakesAVersion) {
    const Answer first = call("PUT", {}, "k", "first");
    const Answer second = call("PUT", {}, "k", "second");
    const std::string one = header(first, kVersion);
    const std::string two = header(second, kVersion);
    EXPECT_EQ(one.size(), 32U);
    EXPECT_NE(one, two);
    EXPECT_EQ(call("GET").body, "second");
    EXPECT_EQ(header(call("GET"), kVersion), two);
    EXPECT_EQ(call("GET", one).body, "first");
    EXPECT_EQ(header(call("GET", one), kVersion), one);
    EXPECT_EQ(header(call("HEAD"), kVersion), two);
    EXPECT_EQ(header(call("HEAD", one), kVersion), one);
    EXPECT_EQ(header(call("HEAD", one), "content-length"), "5");
    EXPECT_EQ(call("GET", one, "k", {}, {{"range", "bytes=1-2"}}).body, "ir");
    EXPECT_EQ(call("GET", two, "k", {}, {{"if-match", header(first, "etag")}}).status, 412);
    EXPECT_EQ(listed(), Texts{"k"});
    EXPECT_EQ(server->head("ver", "k", one)->size, 5U);
    EXPECT_EQ(server->head("ver", "k")->version_id, two);
    EXPECT_EQ(server->get("ver", "k", one).value_or(""), "first");
}

TEST_F(VersionsTest, VersionsThatAreNotThere) {
    const std::string id = put("v");
    const std::string other = put("v", "other");
    for (const std::string& version : {std::string(kUnknown), other, std::string("null")}) {
        const Answer answer = call("GET", version);
        EXPECT_EQ(answer.status, 404) << version;
        EXPECT_EQ(answer.code(), "NoSuchVersion");
        EXPECT_EQ(answer.xml("VersionId"), version);
        EXPECT_EQ(call("HEAD", version).status, 404);
    }
    EXPECT_EQ(call("GET", kUnknown, "absent").code(), "NoSuchVersion");
    EXPECT_EQ(call("GET", {}, "absent").code(), "NoSuchKey");
    for (const std::string& malformed : {id.substr(1), id + "a", id.substr(1) + "-"}) {
        const Answer answer = call("GET", malformed);
        EXPECT_EQ(answer.status, 400) << malformed;
        EXPECT_EQ(answer.code(), "InvalidArgument");
        EXPECT_EQ(answer.xml("ArgumentValue"), malformed);
        EXPECT_EQ(call("HEAD", malformed).status, 400);
        EXPECT_EQ(call("DELETE", malformed).status, 400);
    }
    EXPECT_EQ(client->call("GET", "/ver/k", "versionId=").code(), "InvalidArgument");
    EXPECT_EQ(call("PUT", id, "k", "x").code(), "InvalidArgument");
    // A bucket that never had versions knows none.
    ASSERT_TRUE(server->put("bkt", "k", "v"));
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=" + id).code(), "InvalidArgument");
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=null").body, "v");
    EXPECT_EQ(header(client->call("GET", "/bkt/k"), kVersion), "-");
    EXPECT_EQ(header(client->call("DELETE", "/bkt/k"), kMarker), "-");
}

TEST_F(VersionsTest, DeleteMarkers) {
    const std::string version = put("v");
    const Answer deleted = call("DELETE");
    EXPECT_EQ(deleted.status, 204);
    EXPECT_EQ(header(deleted, kMarker), "true");
    const std::string marker = header(deleted, kVersion);
    EXPECT_EQ(marker.size(), 32U);
    for (const std::string_view method : {"GET", "HEAD"}) {
        const Answer gone = call(method);
        EXPECT_EQ(gone.status, 404);
        EXPECT_EQ(header(gone, kMarker), "true");
        EXPECT_EQ(header(gone, kVersion), marker);
        const Answer named = call(method, marker);
        EXPECT_EQ(named.status, 405);
        EXPECT_EQ(header(named, kMarker), "true");
        EXPECT_EQ(header(named, "allow"), "DELETE");
        EXPECT_EQ(header(named, kVersion), marker);
    }
    EXPECT_EQ(call("GET").code(), "NoSuchKey");
    EXPECT_EQ(call("GET", marker).code(), "MethodNotAllowed");
    EXPECT_EQ(call("GET", marker).xml("ResourceType"), "DeleteMarker");
    EXPECT_EQ(client->call("GET", "/ver/k", "tagging=").code(), "MethodNotAllowed");
    EXPECT_EQ(call("GET", version).body, "v");
    EXPECT_EQ(listed(), Texts{});
    EXPECT_EQ(server->keys("ver"), Texts{});
    EXPECT_FALSE(server->get("ver", "k"));
    EXPECT_EQ(header(call("DELETE", {}, "never-there"), kMarker), "true");
    // Without the marker it is back.
    const Answer unmarked = call("DELETE", marker);
    EXPECT_EQ(header(unmarked, kMarker), "true");
    EXPECT_EQ(header(unmarked, kVersion), marker);
    EXPECT_EQ(call("GET").body, "v");
}

TEST_F(VersionsTest, DeletingAVersionIsForGood) {
    const std::string one = put("first");
    const std::string two = put("second");
    const Answer deleted = call("DELETE", two);
    EXPECT_EQ(deleted.status, 204);
    EXPECT_EQ(header(deleted, kVersion), two);
    EXPECT_EQ(header(deleted, kMarker), "-");
    EXPECT_EQ(call("GET").body, "first");
    EXPECT_EQ(call("GET", two).code(), "NoSuchVersion");
    EXPECT_EQ(call("DELETE", two).status, 204);
    ASSERT_TRUE(server->remove("ver", "k", one));
    EXPECT_EQ(call("GET").code(), "NoSuchKey");
    EXPECT_EQ(header(call("GET"), kMarker), "-");
    EXPECT_EQ(server->stats().stored_bytes, 0U);
    ASSERT_TRUE(server->put("ver", "k", "again"));
    ASSERT_TRUE(server->remove("ver", "k"));
    EXPECT_EQ(header(call("GET"), kMarker), "true");
    EXPECT_EQ(client->call("DELETE", "/ver").code(), "BucketNotEmpty");
}

TEST_F(VersionsTest, SwitchedOnAndSuspended) {
    const auto status = [&] { return client->call("GET", "/bkt", "versioning=").xml("Status"); };
    ASSERT_TRUE(server->put("bkt", "k", "before"));
    EXPECT_EQ(status(), "");
    ASSERT_EQ(set_status("Enabled", "bkt").status, 200);
    EXPECT_EQ(status(), "Enabled");
    EXPECT_EQ(header(client->call("GET", "/bkt/k"), kVersion), "null");
    const std::string version = header(client->call("PUT", "/bkt/k", {}, "kept"), kVersion);
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=null").body, "before");
    ASSERT_EQ(set_status("Suspended", "bkt").status, 200);
    EXPECT_EQ(status(), "Suspended");
    // Now a write replaces the null version, and only that one.
    EXPECT_EQ(header(client->call("PUT", "/bkt/k", {}, "after"), kVersion), "-");
    EXPECT_EQ(client->call("GET", "/bkt/k").body, "after");
    EXPECT_EQ(header(client->call("GET", "/bkt/k"), kVersion), "null");
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=null").body, "after");
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=" + version).body, "kept");
    const Answer deleted = client->call("DELETE", "/bkt/k");
    EXPECT_EQ(header(deleted, kVersion), "null");
    EXPECT_EQ(header(deleted, kMarker), "true");
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=null").code(), "MethodNotAllowed");
    EXPECT_EQ(client->call("GET", "/bkt/k", "versionId=" + version).body, "kept");
    ASSERT_TRUE(server->set_versioning("bkt", true));
    EXPECT_EQ(status(), "Enabled");
}

TEST_F(VersionsTest, ConfigurationsThatAreRefused) {
    const auto code = [&](std::string_view xml) {
        return client->call("PUT", "/bkt", "versioning=", xml).code();
    };
    EXPECT_EQ(set_status("enabled", "bkt").code(), "MalformedXML");
    EXPECT_EQ(set_status("Disabled", "bkt").code(), "MalformedXML");
    EXPECT_EQ(code("<VersioningConfiguration/>"), "IllegalVersioningConfigurationException");
    EXPECT_EQ(code("<Other><Status>Enabled</Status></Other>"), "MalformedXML");
    EXPECT_EQ(code(""), "MalformedXML");
    EXPECT_EQ(set_status("Enabled", "missing-bucket").code(), "NoSuchBucket");
    for (const std::string_view bucket : {"src", "sink"}) {
        EXPECT_EQ(set_status("Enabled", bucket).code(), "NotImplemented");
        EXPECT_EQ(client->call("GET", fmt::format("/{}", bucket), "versioning=").xml("Status"), "");
    }
}

TEST_F(VersionsTest, OnlyBucketsInMemoryCanBeVersioned) {
    Options options;
    options.root = (std::filesystem::temp_directory_path() / "s3sim-versioned").string();
    options.versioned = {"ver"};
    const auto on_disk = Server::start(options);
    ASSERT_FALSE(on_disk);
    EXPECT_EQ(on_disk.error().code, "bad_versioned");
    EXPECT_FALSE(std::filesystem::exists(options.root));
    options.root.clear();
    options.sinks = {"ver"};
    EXPECT_FALSE(Server::start(options));
}

TEST_F(VersionsTest, ConditionsAreAboutTheCurrentVersion) {
    const auto code = [&](Headers headers) {
        const Answer answer = call("PUT", {}, "k", "v", std::move(headers));
        return fmt::format("{} {}", answer.status, answer.code());
    };
    EXPECT_EQ(code({{"if-none-match", "*"}}), "200 ");
    EXPECT_EQ(code({{"if-none-match", "*"}}), "412 PreconditionFailed");
    ASSERT_TRUE(server->remove("ver", "k"));
    EXPECT_EQ(code({{"if-match", "*"}}), "404 NoSuchKey");
    EXPECT_EQ(code({{"if-none-match", "*"}}), "200 ");
}

TEST_F(VersionsTest, MultipartUploadsMakeVersionsAndCopyThem) {
    const std::string one = put("first");
    const std::string two = put("second");
    const std::string marker = header(call("DELETE"), kVersion);
    const std::string id = create("z");
    const auto copy = [&](std::string_view source) {
        return client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + id, {},
                            {{"x-amz-copy-source", std::string(source)}});
    };
    const Answer copied = copy("ver/k?versionId=" + one);
    EXPECT_EQ(copied.status, 200) << copied.body;
    EXPECT_EQ(header(copied, "x-amz-copy-source-version-id"), one);
    EXPECT_EQ(copy("ver/k").code(), "NoSuchKey");
    EXPECT_EQ(header(copy("ver/k"), kMarker), "true");
    EXPECT_EQ(copy("ver/k?versionId=" + marker).code(), "InvalidRequest");
    EXPECT_EQ(copy("ver/k?versionId=" + marker).status, 400);
    EXPECT_EQ(copy("ver/k?versionId=" + std::string(kUnknown)).code(), "NoSuchVersion");
    EXPECT_EQ(copy("ver/k?versionId=short").code(), "InvalidArgument");
    EXPECT_EQ(copy("ver/k?versionId=").code(), "InvalidArgument");
    EXPECT_EQ(copy("ver/k?version=" + one).code(), "InvalidArgument");
    EXPECT_EQ(copy("ver/k?versionId=%zz").code(), "InvalidArgument");
    ASSERT_EQ(client
                  ->call("POST", "/bkt/z", "uploadId=" + id,
                         complete_xml({part_xml(1, copied.xml("ETag"))}))
                  .status,
              200);
    EXPECT_EQ(server->get("bkt", "z").value_or(""), "first");

    const std::string upload = client->call("POST", "/ver/k", "uploads=").xml("UploadId");
    const Answer part = client->call("PUT", "/ver/k", "partNumber=1&uploadId=" + upload, "third");
    const Answer done = client->call("POST", "/ver/k", "uploadId=" + upload,
                                     complete_xml({part_xml(1, header(part, "etag"))}));
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_EQ(call("GET", header(done, kVersion)).body, "third");
    EXPECT_EQ(call("GET").body, "third");
    EXPECT_EQ(call("GET", two).body, "second");
}

TEST_F(VersionsTest, DeleteObjectsTakesVersions) {
    const std::string one = put("first");
    const std::string two = put("second");
    const auto erase = [&](std::string_view objects) {
        const std::string xml = fmt::format("<Delete>{}</Delete>", objects);
        return client->call("POST", "/ver", "delete=", xml,
                            {{"x-amz-checksum-crc32", crc_base64(xml)}});
    };
    Answer answer = erase("<Object><Key>k</Key></Object>");
    EXPECT_EQ(answer.xml("DeleteMarker"), "true");
    const std::string marker = answer.xml("DeleteMarkerVersionId");
    EXPECT_EQ(marker.size(), 32U);
    EXPECT_EQ(call("GET").status, 404);
    answer =
        erase(fmt::format("<Object><Key>k</Key><VersionId>{}</VersionId></Object>"
                          "<Object><Key>k</Key><VersionId>{}</VersionId></Object>"
                          "<Object><Key>k</Key><VersionId>{}</VersionId></Object>",
                          marker, two, kUnknown));
    EXPECT_EQ(answer.all("VersionId"), (Texts{marker, two, std::string(kUnknown)}));
    EXPECT_EQ(answer.all("DeleteMarkerVersionId"), Texts{marker});
    EXPECT_EQ(answer.all("Code"), Texts{"NoSuchVersion"});
    EXPECT_EQ(call("GET").body, "first");
    EXPECT_EQ(header(call("GET"), kVersion), one);
}

// Of the listing of versions: KEY VERSION, with '!' for the latest and '-' for a marker.
TEST_F(VersionsTest, ListObjectVersions) {
    std::map<std::string, std::string> names;  // id -> what the test calls it
    const auto named = [&](std::string id, std::string name) { names[std::move(id)] = name; };
    named(put("1", "a"), "a1");
    named(put("1", "b/x"), "x1");
    named(put("2", "b/x"), "x2");
    named(header(call("DELETE", {}, "b/x"), kVersion), "x3");
    named(put("1", "c"), "c1");
    named(put("2", "c"), "c2");
    const auto page = [&](std::string_view query) {
        const Answer answer = client->call(
            "GET", "/ver", fmt::format("versions={}{}", query.empty() ? "" : "&", query));
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer;
    };
    const auto walk = [&](std::string_view query) {
        Texts seen;
        std::string marker;
        for (int pages = 0; pages < 10; ++pages) {
            const Answer answer = page(fmt::format("{}{}", query, marker));
            for (const std::string& id : answer.all("VersionId")) seen.push_back(names[id]);
            for (const std::string& common : answer.all("CommonPrefixes"))
                seen.push_back(common.substr(8, common.size() - 17));
            if (answer.xml("IsTruncated") == "false") return seen;
            marker = "&key-marker=" + base::percent_encode(answer.xml("NextKeyMarker"), false);
            const std::string version = answer.xml("NextVersionIdMarker");
            if (!version.empty()) marker += "&version-id-marker=" + version;
        }
        ADD_FAILURE() << "the listing does not end";
        return seen;
    };
    for (int size = 1; size <= 7; ++size) {
        EXPECT_EQ(walk(fmt::format("max-keys={}", size)),
                  (Texts{"a1", "x3", "x2", "x1", "c2", "c1"}))
            << size;
    }
    EXPECT_EQ(walk("max-keys=1&delimiter=%2F"), (Texts{"a1", "b/", "c2", "c1"}));
    EXPECT_EQ(walk("max-keys=1&prefix=b%2F"), (Texts{"x3", "x2", "x1"}));
    EXPECT_EQ(walk("key-marker=b%2Fx"), (Texts{"c2", "c1"}));
    EXPECT_EQ(walk("delimiter=%2F&key-marker=b%2Fa"), (Texts{"c2", "c1"}));
    const Answer all = page("");
    EXPECT_EQ(all.all("IsLatest"), (Texts{"true", "true", "false", "false", "true", "false"}));
    EXPECT_EQ(all.all("DeleteMarker").size(), 1U);
    EXPECT_EQ(all.all("Version").size(), 5U);
    EXPECT_EQ(all.all("Size").size(), 5U);
    EXPECT_EQ(client->call("GET", "/ver", "versions=&version-id-marker=x").code(),
              "InvalidArgument");
    ASSERT_TRUE(server->put("bkt", "k", "v"));
    EXPECT_EQ(client->call("GET", "/bkt", "versions=").xml("VersionId"), "null");
    EXPECT_EQ(client->call("GET", "/src", "versions=").all("VersionId").size(), 3U);
}

}  // namespace
}  // namespace s3sim::test
