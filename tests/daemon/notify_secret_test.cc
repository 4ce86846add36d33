#include "daemon/notify_secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace s3zipd {
namespace {

using testing::HasSubstr;
using testing::Not;

class NotifySecretTest : public testing::Test {
  protected:
    NotifySecretTest() {
        directory_ = testing::TempDir() + "notify-secret-XXXXXX";
        EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    }
    ~NotifySecretTest() override { std::filesystem::remove_all(directory_); }

    std::string write(const std::string& text, mode_t mode = 0600) {
        const std::string file = directory_ + "/given";
        std::ofstream(file, std::ios::trunc) << text;
        EXPECT_EQ(::chmod(file.c_str(), mode), 0);
        return file;
    }
    std::string error_of(const std::string& file) {
        const auto secret = notify_secret(file, directory_);
        EXPECT_FALSE(secret.has_value()) << file;
        if (secret) return {};
        EXPECT_EQ(secret.error().code, "notify_secret");
        return secret.error().detail;
    }

    std::string directory_;
};

TEST_F(NotifySecretTest, IsTheFirstLineOfTheFile) {
    const auto read = [&](const std::string& text) { return *notify_secret(write(text), "/none"); };
    EXPECT_EQ(read("0123456789abcdef"), "0123456789abcdef");
    EXPECT_EQ(read("0123456789abcdef\n"), "0123456789abcdef");
    EXPECT_EQ(read("0123456789abcdef\r\nmore\n"), "0123456789abcdef");
    EXPECT_EQ(read(" with spaces at its ends \n"), " with spaces at its ends ");
    EXPECT_EQ(*notify_secret(write("0123456789abcdef", 0640), ""), "0123456789abcdef");
}

TEST_F(NotifySecretTest, RefusesWhatIsNoSecretAndTellsNothingOfIt) {
    for (const std::string text : {"", "\n", "0123456789hidde", "0123456789hidde\nhidden"}) {
        EXPECT_THAT(error_of(write(text)), HasSubstr("16 to 4096 bytes"));
        EXPECT_THAT(error_of(write(text)), Not(HasSubstr("hidde")));
    }
    EXPECT_THAT(error_of(write(std::string(4097, 'x'))), HasSubstr("16 to 4096 bytes"));
    EXPECT_TRUE(notify_secret(write(std::string(4096, 'x')), ""));
    for (const mode_t mode : {0604, 0602, 0601, 0644}) {
        const std::string error = error_of(write("0123456789abcdef", mode));
        EXPECT_THAT(error, HasSubstr(directory_ + "/given")) << mode;
        EXPECT_THAT(error, HasSubstr("all users")) << mode;
        EXPECT_THAT(error, Not(HasSubstr("0123"))) << mode;
    }
    EXPECT_THAT(error_of(directory_ + "/none"), HasSubstr("/none: "));
    EXPECT_THAT(error_of(directory_), HasSubstr("no regular file"));
}

TEST_F(NotifySecretTest, IsMadeOnce) {
    const auto made = notify_secret("", directory_);
    ASSERT_TRUE(made.has_value()) << made.error().to_string();
    EXPECT_EQ(made->size(), 64U);
    EXPECT_EQ(made->find_first_not_of("0123456789abcdef"), std::string::npos);
    struct stat status{};
    ASSERT_EQ(::stat((directory_ + "/notify.secret").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(*notify_secret("", directory_), *made);
    // Nothing else is left, and another directory has another.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1);
    std::filesystem::create_directory(directory_ + "/b");
    EXPECT_NE(*notify_secret("", directory_ + "/b"), *made);
}

TEST_F(NotifySecretTest, AllWhoMakeItAtOnceHaveTheSame) {
    std::vector<std::string> secrets(8);
    std::vector<std::thread> threads;
    for (std::string& secret : secrets)
        threads.emplace_back([&] { secret = notify_secret("", directory_).value_or("none"); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(secrets, std::vector(8, secrets[0]));
    EXPECT_EQ(secrets[0].size(), 64U);
}

TEST_F(NotifySecretTest, WhatWasMadeAndSpoiledIsNotMadeAnew) {
    const std::string file = directory_ + "/notify.secret";
    ASSERT_TRUE(notify_secret("", directory_));
    ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
    EXPECT_THAT(error_of(""), HasSubstr("all users"));
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
    std::ofstream(file, std::ios::trunc) << "";
    EXPECT_THAT(error_of(""), HasSubstr("16 to 4096 bytes"));
}

TEST_F(NotifySecretTest, ADirectoryThatIsNotThereIsNamed) {
    const auto secret = notify_secret("", directory_ + "/none");
    ASSERT_FALSE(secret.has_value());
    EXPECT_EQ(secret.error().kind, base::ErrorKind::exhausted);
    EXPECT_THAT(secret.error().detail, HasSubstr(directory_ + "/none/notify.secret: "));
}

}  // namespace
}  // namespace s3zipd
