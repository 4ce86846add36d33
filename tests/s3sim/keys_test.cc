// Keys that S3 takes and nobody expects, and some that S3 would refuse: each must come back byte
// for byte, and under --root none may leave its folder.
#include <fmt/format.h>
#include <sys/resource.h>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "client.h"

namespace s3sim::test {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;
using namespace std::string_literals;

// In the order of their bytes.
Names odd_keys() {
    Names keys = {"/",
                  "//",
                  "/lead",
                  "//lead",
                  "trail/",
                  "trail//",
                  "mid//dle",
                  ".",
                  "..",
                  "./a",
                  "../a",
                  "../../../../a",
                  "a/.",
                  "a/..",
                  "a/../b",
                  "a/./b",
                  "a/b/../../../c",
                  "/etc/passwd",
                  ".s3sim/meta",
                  "_s3sim/stats",
                  "a\\..\\b",
                  "C:\\x",
                  "\\",
                  "%",
                  "%41",
                  "%2e%2e/%2E%2E",
                  "%00",
                  "a%2Fb",
                  "a+b",
                  "a b",
                  " a",
                  "a ",
                  "   ",
                  "+",
                  "++ ++",
                  "dots.",
                  "dots..",
                  "dots ...",
                  "CON",
                  "nul.txt",
                  "*?<>|:\"'`~!@#$^&()[]{};,=",
                  "x?versionId=null",
                  "x#fragment",
                  "x&uploads",
                  "line\r\nbreak: yes",
                  "\t",
                  "\n",
                  "nul\0inside"s,
                  "\0"s,
                  "\0/\0"s,
                  "\xF0\x9F\x98\x80",
                  "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
                  "caf\xC3\xA9",   // composed
                  "cafe\xCC\x81",  // the same, decomposed
                  "\xE2\x80\xAE"
                  "fdp.a",  // right-to-left override
                  "\xEF\xBB\xBF"
                  "bom",
                  "\xC0\xAF",      // an overlong slash
                  "\xED\xA0\x80",  // half a surrogate pair
                  "\xFF\xFE",
                  "cut\xE2\x82",
                  std::string(255, 'n'),
                  std::string(256, 'n'),
                  std::string(1024, 'k'),
                  std::string(1024, '\xFF'),
                  std::string(1024, '/'),
                  std::string(1024, '\0')};
    for (int byte = 0; byte < 256; ++byte) {
        keys.push_back("b" + std::string(1, static_cast<char>(byte)) + "c");
        keys.push_back("d/" + std::string(1, static_cast<char>(byte)));
    }
    std::string slashed;  // as long as a key may be, and 512 folders deep
    while (slashed.size() < 1024) slashed += "s/";
    keys.push_back(slashed.substr(0, 1023));
    std::ranges::sort(keys);
    EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
    return keys;
}

std::string path_of(std::string_view key) { return "/bkt/" + base::percent_encode(key, true); }
std::string shown(std::string_view key) { return base::percent_encode(key.substr(0, 60), true); }

// Both kinds of buckets that keep what they are given.
class KeysTest : public ServerTest, public testing::WithParamInterface<bool> {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "s3sim-keys-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        outer = name;
        restart();
    }
    void TearDown() override {
        server.reset();
        fs::remove_all(outer);
    }
    void restart() {
        server.reset();
        Options options;
        if (GetParam()) options.root = (outer / "root").string();
        start(options);
    }
    Names walk(std::string_view query, std::string_view element = "Key") {
        Names seen;
        std::string token;
        for (int pages = 0; pages < 50; ++pages) {
            const Answer page = client->call("GET", "/bkt", fmt::format("{}{}", query, token));
            EXPECT_EQ(page.status, 200) << page.body;
            for (const std::string& text : page.all(element))
                seen.push_back(base::percent_decode(text, true).value_or("undecodable"));
            if (page.xml("IsTruncated") == "false") return seen;
            token = "&continuation-token=" +
                    base::percent_encode(page.xml("NextContinuationToken"), false);
        }
        ADD_FAILURE() << "the listing does not end";
        return seen;
    }
    fs::path outer;
};

TEST_P(KeysTest, EveryKeyComesBack) {
    const Names keys = odd_keys();
    for (const std::string& key : keys) {
        ASSERT_EQ(client->call("PUT", path_of(key), {}, "bytes of " + key).status, 200)
            << shown(key);
    }
    if (GetParam()) restart();
    for (const std::string& key : keys) {
        ASSERT_EQ(client->call("HEAD", path_of(key)).headers.at("content-length"),
                  std::to_string(9 + key.size()))
            << shown(key);
        ASSERT_EQ(client->call("GET", path_of(key)).body, "bytes of " + key) << shown(key);
    }
    EXPECT_EQ(walk("list-type=2&encoding-type=url&max-keys=97"), keys);
    EXPECT_EQ(server->keys("bkt"), keys);
    EXPECT_EQ(client->call("GET", "/bkt", "versions=&encoding-type=url").all("Key").size(),
              keys.size());
    for (const std::string& key : keys)
        ASSERT_EQ(client->call("DELETE", path_of(key)).status, 204) << shown(key);
    EXPECT_EQ(server->keys("bkt"), Names{});
    EXPECT_EQ(client->call("PUT", path_of(std::string(1025, 'k')), {}, "x").code(),
              "KeyTooLongError");
}

// A listing that ran out of open files would end early and look complete.
TEST_P(KeysTest, ListingsNeedFewOpenFiles) {
    std::string deep = "s";
    while (deep.size() < 1023) deep += "/s";
    Names keys = {deep};
    for (int i = 0; i < 200; ++i) keys.push_back(fmt::format("t/{:03}", i));
    for (const std::string& key : keys) ASSERT_TRUE(server->put("bkt", key, "v"));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 100;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    EXPECT_EQ(walk("list-type=2"), keys);
    EXPECT_EQ(client->call("GET", "/bkt", "versions=").all("Key"), keys);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_P(KeysTest, ListingsAreCutByBytes) {
    for (const std::string& key : {"a\0b"s, "a\xFF/x"s, "a\xFF\xFF"s, "a/"s, "b"s})
        ASSERT_TRUE(server->put("bkt", key, "v"));
    const std::string url = "list-type=2&encoding-type=url&max-keys=1";
    EXPECT_EQ(walk(url + "&prefix=a%00"), Names{"a\0b"s});
    EXPECT_EQ(walk(url + "&prefix=a%FF"), (Names{"a\xFF/x", "a\xFF\xFF"}));
    EXPECT_EQ(walk(url + "&start-after=a%FF%2Fx"), (Names{"a\xFF\xFF", "b"}));
    EXPECT_EQ(walk(url + "&delimiter=%FF"), (Names{"a\0b"s, "a/", "b"}));
    const Answer page =
        client->call("GET", "/bkt", "list-type=2&encoding-type=url&prefix=a%FF&delimiter=%FF");
    EXPECT_EQ(page.xml("Delimiter"), "%FF");
    EXPECT_EQ(page.all("Prefix"), (Names{"a%FF", "a%FF%FF"}));
}

TEST_P(KeysTest, UploadsAndCopies) {
    for (const std::string& key : {"up\0load"s, "\xFF/../\x01"s, "a+b c%41"s}) {
        const Answer made = client->call("POST", path_of(key), "uploads=");
        const std::string id = made.xml("UploadId");
        const Answer listed = client->call("GET", "/bkt", "uploads=&encoding-type=url");
        EXPECT_EQ(base::percent_decode(listed.xml("Key"), true).value_or(""), key);
        ASSERT_TRUE(server->put("bkt", key + "?", "source"));
        const Answer copied =
            client->call("PUT", path_of(key), "partNumber=1&uploadId=" + id, {},
                         {{"x-amz-copy-source", "bkt/" + base::percent_encode(key + "?", true)}});
        ASSERT_EQ(copied.status, 200) << copied.body;
        const Answer done = client->call("POST", path_of(key), "uploadId=" + id,
                                         complete_xml({part_xml(1, copied.xml("ETag"))}));
        ASSERT_EQ(done.status, 200) << done.body;
        EXPECT_EQ(server->get("bkt", key).value_or(""), "source") << shown(key);
    }
}

TEST_P(KeysTest, InXmlWhatCannotBeWrittenIsReplaced) {
    ASSERT_TRUE(server->put("bkt", "p\x01\r\x1F", "v"));
    ASSERT_TRUE(server->put("bkt", "q\xFF\xC3\xA9\xED\xA0\x80\xC0\xAF.", "v"));
    const std::string lost = "\xEF\xBF\xBD";
    EXPECT_EQ(client->call("GET", "/bkt", "list-type=2").all("Key"),
              (Names{"p&#1;&#13;&#31;",
                     "q" + lost + "\xC3\xA9" + lost + lost + lost + lost + lost + "."}));
    EXPECT_EQ(client->call("GET", path_of("no\0\xFF"s)).xml("Key"), "no&#0;" + lost);
}

TEST_P(KeysTest, DeleteObjectsDeletesNoOtherKey) {
    const auto erase = [&](std::string_view key) {
        const std::string xml = fmt::format("<Delete><Object><Key>{}</Key></Object></Delete>", key);
        return client->call("POST", "/bkt", "delete=", xml,
                            {{"x-amz-checksum-crc32", crc_base64(xml)}});
    };
    for (const std::string& key : {"a"s, "a\x01"s, "ab"s, "a<b"s, "a\rb"s})
        ASSERT_TRUE(server->put("bkt", key, "v"));
    for (const std::string& nul : {"a&#0;b"s, "a&#000;b"s, "a&#x0;b"s, "a&#x00;"s, "a\0b"s})
        EXPECT_EQ(erase(nul).code(), "MalformedXML") << nul;
    EXPECT_EQ(server->keys("bkt").size(), 5U);
    EXPECT_EQ(erase("a&#1;").status, 200);
    EXPECT_EQ(erase("a<![CDATA[<]]>b").status, 200);
    EXPECT_EQ(erase("a<!-- not a -->b").status, 200);
    EXPECT_EQ(erase("a&#13;b").status, 200);
    EXPECT_EQ(server->keys("bkt"), Names{"a"});
}

TEST_P(KeysTest, ControlIsNoKeyOfABucketThatTheHostNames) {
    ASSERT_TRUE(server->put("bkt", "_s3sim/stats", "mine"));
    client->host = "bkt.s3.localhost";
    EXPECT_EQ(client->call("GET", "/_s3sim/stats").body, "mine");
    EXPECT_EQ(client->call("GET", "//").code(), "NoSuchKey");
    EXPECT_EQ(client->call("PUT", "//", {}, "slash").status, 200);
    EXPECT_EQ(server->get("bkt", "/").value_or(""), "slash");
}

TEST_P(KeysTest, NoHeaderCanBeSmuggledIn) {
    ASSERT_TRUE(server->put("bkt", "k", "v"));
    const Answer answer =
        client->call("GET", "/bkt/k", "response-content-type=a%0D%0Ax-amz-evil%3A%20yes");
    EXPECT_EQ(answer.status, 400);
    EXPECT_FALSE(answer.headers.contains("x-amz-evil"));
}

INSTANTIATE_TEST_SUITE_P(Stores, KeysTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Directory" : "Memory"; });

// A folder beside the root, with a secret in it that must stay as it is.
class OutsideTest : public ServerTest {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "s3sim-outside-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        outer = name;
        fs::create_directories(outer / "root/bkt/real");
        fs::create_directories(outer / "root/keep");
        fs::create_directories(outer / "beside/deep");
        std::ofstream(outer / "beside/secret") << "secret";
        std::ofstream(outer / "root/keep/file") << "kept";
        Options options;
        options.root = (outer / "root").string();
        options.sinks = {"keep"};
        start(options);
    }
    void TearDown() override {
        server.reset();
        EXPECT_EQ(beside(), (Names{"deep", "secret"}));
        std::ifstream in(outer / "beside/secret");
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "secret");
        EXPECT_EQ(std::distance(fs::directory_iterator(outer), fs::directory_iterator()), 2);
        fs::remove_all(outer);
    }
    Names beside() {
        Names names;
        for (const auto& entry : fs::recursive_directory_iterator(outer / "beside"))
            names.push_back(entry.path().filename().string());
        std::ranges::sort(names);
        return names;
    }
    fs::path outer;
};

TEST_F(OutsideTest, DotsDoNotClimb) {
    for (const std::string& key :
         {"../beside/secret"s, "../../beside/secret"s, "real/../../../beside/secret"s,
          "..//../beside/secret"s, (outer / "beside/secret").string(), "../../new"s, ".."s,
          "../.s3sim/tmp/x"s, "real/.."s}) {
        const std::string path = path_of(key);
        EXPECT_EQ(client->call("GET", path).code(), "NoSuchKey") << key;
        EXPECT_EQ(client->call("DELETE", path).status, 204) << key;
        EXPECT_EQ(client->call("PUT", path, {}, "evil").status, 200) << key;
        EXPECT_EQ(client->call("GET", path).body, "evil") << key;
        EXPECT_EQ(client->call("DELETE", path).status, 204) << key;
    }
    for (const std::string_view bucket : {"..", ".", ".s3sim", "%2e%2e", "..%2Fbeside"}) {
        const std::string path = fmt::format("/{}", bucket);
        EXPECT_NE(client->call("PUT", path).status, 200) << bucket;
        EXPECT_NE(client->call("GET", path, "list-type=2").status, 200) << bucket;
        EXPECT_NE(client->call("DELETE", path).status, 204) << bucket;
        EXPECT_NE(client->call("GET", path + "/secret").status, 200) << bucket;
    }
}

TEST_F(OutsideTest, LinksAreNotFollowed) {
    fs::create_directory_symlink(outer / "beside", outer / "root/bkt/link");
    fs::create_directory_symlink(outer / "beside", outer / "root/bkt/real/link");
    fs::create_symlink(outer / "beside/secret", outer / "root/bkt/file");
    fs::create_symlink(outer / "beside/none", outer / "root/bkt/dangling");
    for (const std::string_view key :
         {"link/secret", "link/deep/new", "real/link/secret", "file", "dangling", "link"}) {
        const std::string path = path_of(key);
        EXPECT_EQ(client->call("GET", path).code(), "NoSuchKey") << key;
        EXPECT_EQ(client->call("DELETE", path).status, 204) << key;
        EXPECT_EQ(client->call("PUT", path, {}, "mine").status, 200) << key;
        EXPECT_EQ(client->call("GET", path).body, "mine") << key;
        EXPECT_EQ(server->keys("bkt"), Names{std::string(key)});
        EXPECT_EQ(client->call("DELETE", path).status, 204) << key;
        EXPECT_EQ(server->keys("bkt"), Names{}) << key;
    }
    EXPECT_EQ(client->call("DELETE", "/bkt").status, 204);
    EXPECT_FALSE(fs::exists(outer / "root/bkt"));
}

TEST_F(OutsideTest, ALinkIsNoBucket) {
    fs::create_directory_symlink(outer / "beside", outer / "root/linked");
    EXPECT_EQ(client->call("GET", "/linked/secret").code(), "NoSuchBucket");
    EXPECT_EQ(client->call("GET", "/linked", "list-type=2").code(), "NoSuchBucket");
    EXPECT_EQ(client->call("DELETE", "/linked").code(), "NoSuchBucket");
    EXPECT_NE(client->call("PUT", "/linked").status, 200);
    EXPECT_EQ(client->call("GET", "/").all("Name"), (Names{"bkt", "keep"}));
}

TEST_F(OutsideTest, DeletingASinkLeavesAFolderOfItsName) {
    EXPECT_EQ(client->call("DELETE", "/keep").status, 204);
    EXPECT_TRUE(fs::exists(outer / "root/keep/file"));
}

TEST_F(OutsideTest, WhatIsKeptBesideABucketGoesWithIt) {
    ASSERT_TRUE(server->put("bkt", "../x", "v"));
    EXPECT_EQ(client->call("DELETE", "/bkt").code(), "BucketNotEmpty");
    ASSERT_TRUE(server->remove("bkt", "../x"));
    EXPECT_EQ(client->call("DELETE", "/bkt").status, 204);
    EXPECT_FALSE(fs::exists(outer / "root/.s3sim/escaped/bkt"));
    EXPECT_FALSE(fs::exists(outer / "root/.s3sim/meta/bkt"));
    EXPECT_EQ(client->call("PUT", "/bkt").status, 200);
    EXPECT_EQ(client->call("PUT", "/bkt/k", {}, "v").status, 200);
}

}  // namespace
}  // namespace s3sim::test
