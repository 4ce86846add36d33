// --root: buckets that are folders.
#include <fmt/format.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>

#include "client.h"
#include "s3sim/checksum.h"

namespace s3sim::test {
namespace {

namespace fs = std::filesystem;

class DirectoryTest : public ServerTest {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "s3sim-root-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root = name;
        restart();
    }
    void TearDown() override {
        server.reset();
        fs::remove_all(root);
    }
    void restart() {
        server.reset();
        Options options;
        options.root = root.string();
        start(options);
    }
    std::string file(const std::string& path) {
        std::ifstream in(root / path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::size_t leftovers() {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(root / ".s3sim/tmp"), fs::directory_iterator()));
    }
    fs::path root;
};

TEST_F(DirectoryTest, ObjectsAreFilesAndLast) {
    const std::string big(1'000'000, 'x');
    ASSERT_EQ(client
                  ->call("PUT", "/bkt/a/b.txt", {}, "hello",
                         {{"content-type", "text/plain"},
                          {"x-amz-checksum-crc32", crc_base64("hello")},
                          {"x-amz-meta-m", "a b%"},
                          {"x-amz-tagging", "t=1"}})
                  .status,
              200);
    ASSERT_EQ(client->call("PUT", "/bkt/big", {}, big).status, 200);
    EXPECT_EQ(file("bkt/a/b.txt"), "hello");
    restart();
    const Answer got =
        client->call("GET", "/bkt/a/b.txt", {}, {}, {{"x-amz-checksum-mode", "ENABLED"}});
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.headers.at("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    EXPECT_EQ(got.headers.at("content-type"), "text/plain");
    EXPECT_EQ(got.headers.at("x-amz-meta-m"), "a b%");
    EXPECT_EQ(got.headers.at("x-amz-checksum-crc32"), crc_base64("hello"));
    EXPECT_EQ(server->head("bkt", "a/b.txt")->tagging, "t=1");
    EXPECT_TRUE(client->call("GET", "/bkt/big", {}, {}, {{"range", "bytes=5-999998"}}).body ==
                big.substr(5, 999994));
    EXPECT_EQ(client->call("DELETE", "/bkt/a/b.txt").status, 204);
    EXPECT_FALSE(fs::exists(root / "bkt/a"));
    EXPECT_EQ(server->keys("bkt"), std::vector<std::string>{"big"});
    EXPECT_EQ(leftovers(), 0U);
}

TEST_F(DirectoryTest, KeysThatAreNoPaths) {
    const std::vector<std::string> keys = {"../up", "/",   "a",       "a/",
                                           "a//b",  "a/b", "dot/./x", std::string(300, 'n')};
    for (const std::string& key : keys) ASSERT_TRUE(server->put("bkt", key, key)) << key;
    restart();
    for (const std::string& key : keys) EXPECT_EQ(server->get("bkt", key).value_or("absent"), key);
    EXPECT_EQ(server->keys("bkt"), keys);
    EXPECT_FALSE(fs::exists(root / "up"));
    for (const std::string& key : keys) ASSERT_TRUE(server->remove("bkt", key));
    EXPECT_TRUE(server->keys("bkt").empty());
}

TEST_F(DirectoryTest, AFileDroppedInIsAnObject) {
    fs::create_directories(root / "bkt/x");
    fs::create_directories(root / "by-hand");
    std::ofstream(root / "bkt/x/dropped") << "bytes";
    std::ofstream(root / "by-hand/k") << "v";
    EXPECT_EQ(client->call("GET", "/bkt/x/dropped").body, "bytes");
    EXPECT_EQ(client->call("GET", "/bkt", "list-type=2").xml("Key"), "x/dropped");
    EXPECT_EQ(client->call("GET", "/by-hand/k").body, "v");
    // Changed by hand: what was known of the old bytes does not count any more.
    ASSERT_EQ(client->call("PUT", "/bkt/k", {}, "first", {{"x-amz-meta-m", "v"}}).status, 200);
    const std::string before = client->call("HEAD", "/bkt/k").headers.at("etag");
    std::ofstream(root / "bkt/k") << "longer than first";
    const Answer after = client->call("GET", "/bkt/k");
    EXPECT_EQ(after.body, "longer than first");
    EXPECT_NE(after.headers.at("etag"), before);
    EXPECT_FALSE(after.headers.contains("x-amz-meta-m"));
    fs::remove(root / "bkt/k");
    EXPECT_EQ(client->call("GET", "/bkt/k").code(), "NoSuchKey");
    EXPECT_EQ(server->keys("bkt"), std::vector<std::string>{"x/dropped"});
}

TEST_F(DirectoryTest, AFileCountsMoreThanWhatIsKeptAside) {
    ASSERT_TRUE(server->put("bkt", "a", "in the way"));
    ASSERT_TRUE(server->put("bkt", "a/b", "kept aside"));
    fs::remove(root / "bkt/a");
    fs::create_directory(root / "bkt/a");
    std::ofstream(root / "bkt/a/b") << "by hand";
    restart();
    EXPECT_EQ(client->call("GET", "/bkt/a/b").body, "by hand");
    for (int i = 0; i < 3; ++i) {  // each builds on what the one before has seen
        const Answer page = client->call("GET", "/bkt", "list-type=2");
        EXPECT_EQ(page.all("Key"), std::vector<std::string>{"a/b"});
        EXPECT_EQ(page.xml("Size"), "7");
    }
}

TEST_F(DirectoryTest, MultipartIsPutTogetherOnDisk) {
    const std::string id = create(
        "dir/z", {{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    std::vector<std::string> parts;
    std::string whole;
    for (int i = 1; i <= 3; ++i) {
        const std::string body(i < 3 ? (5 << 20) + i : 11, static_cast<char>('a' + i));
        const Answer answer =
            client->call("PUT", "/bkt/dir/z", fmt::format("partNumber={}&uploadId={}", i, id), body,
                         {{"x-amz-checksum-crc32", crc_base64(body)}});
        ASSERT_EQ(answer.status, 200) << answer.body;
        parts.push_back(part_xml(i, answer.headers.at("etag")));
        whole += body;
    }
    const Answer done = client->call(
        "POST", "/bkt/dir/z", "uploadId=" + id, complete_xml(parts),
        {{"x-amz-checksum-crc32", crc_base64(whole)}, {"x-amz-checksum-type", "FULL_OBJECT"}});
    ASSERT_EQ(done.status, 200) << done.body;
    EXPECT_TRUE(file("bkt/dir/z") == whole);
    EXPECT_EQ(client->call("GET", "/bkt/dir/z", "partNumber=3").body,
              whole.substr(whole.size() - 11));
    EXPECT_EQ(leftovers(), 0U);
    const std::string aborted = create("z");
    ASSERT_EQ(client->call("PUT", "/bkt/z", "partNumber=1&uploadId=" + aborted, "x").status, 200);
    EXPECT_EQ(leftovers(), 1U);
    ASSERT_EQ(client->call("DELETE", "/bkt/z", "uploadId=" + aborted).status, 204);
    EXPECT_EQ(leftovers(), 0U);
}

TEST_F(DirectoryTest, CopyBetweenFiles) {
    ASSERT_TRUE(server->put("bkt", "source", std::string(600'000, 's')));
    const std::string id = create("z", {{"x-amz-checksum-algorithm", "CRC32"}});
    const Answer copied = client->call(
        "PUT", "/bkt/z", "partNumber=1&uploadId=" + id, {},
        {{"x-amz-copy-source", "bkt/source"}, {"x-amz-copy-source-range", "bytes=100-500099"}});
    EXPECT_EQ(copied.xml("ChecksumCRC32"), crc_base64(std::string(500'000, 's')));
    const std::string xml =
        complete_xml({part_xml(1, copied.xml("ETag"), copied.xml("ChecksumCRC32"))});
    ASSERT_EQ(client->call("POST", "/bkt/z", "uploadId=" + id, xml).status, 200);
    EXPECT_EQ(file("bkt/z").size(), 500'000U);
}

// sendfile() to a connection that is gone raises SIGPIPE, which ends a process that has not asked
// for anything else.
TEST_F(DirectoryTest, AClientThatGoesAwayInTheMiddleOfAnAnswer) {
    std::ofstream(root / "bkt/big", std::ios::binary) << std::string(32 << 20, 'x');
    for (int i = 0; i < 20; ++i) {
        Client gone(server->port());
        gone.wait_for_answer = false;
        (void)gone.call("GET", "/bkt/big");
        ASSERT_TRUE(until([&] { return server->stats().count("GetObject") > std::uint64_t(i); }));
        gone.disconnect();
    }
    ASSERT_TRUE(until([&] { return server->stats().open_connections == 0; }));
    EXPECT_EQ(client->call("HEAD", "/bkt/big").status, 200);
}

}  // namespace
}  // namespace s3sim::test
