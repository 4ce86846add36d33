// The fixture of the tests of credential sources: a reactor of either back end, a worker, and
// connections.
#pragma once

#include <gtest/gtest.h>
#include <string>

#include "../../io/on_backends.h"
#include "../fake_http.h"
#include "s3client/credentials/credential_source.h"

namespace s3client {

using io::backend_label;
using io::backends_to_test;

class OnSources : public io::OnBackends {
  protected:
    // The test's deadline on everything: a hang fails.
    FetchContext context() {
        return {reactor, worker, connections,
                io::Bounds{.deadline = reactor.now() + std::chrono::seconds(30)}};
    }
    base::Result<Credentials> fetch(CredentialSource& source) {
        return reactor.run_until_done(source.fetch(context()));
    }
    // What a fetch says when it fails; it never holds the secret of these tests.
    base::Error fetch_error(CredentialSource& source) {
        auto got = fetch(source);
        if (got) {
            ADD_FAILURE() << "fetched";
            return {};
        }
        EXPECT_FALSE(got.error().to_string().contains("hunter2")) << got.error().to_string();
        return got.error();
    }

    io::WorkerThread worker;
    ConnectionPool connections{reactor, nullptr, 4};
};

inline std::string credentials_json(std::string_view key_id) {
    return R"({"Code":"Success","AccessKeyId":")" + std::string(key_id) +
           R"(","SecretAccessKey":"hunter2","Token":"hunter2-token",)"
           R"("Expiration":"2036-11-20T13:05:02Z"})";
}

// A file of its own folder, gone with the object.
class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        char folder[] = "/tmp/s3zipd-test-XXXXXX";
        CHECK(::mkdtemp(folder) != nullptr);
        folder_ = folder;
        write(text);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    std::string path() const { return folder_ + "/file"; }
    void write(std::string_view text) {
        FILE* const file = std::fopen(path().c_str(), "w");
        CHECK(file != nullptr);
        CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
        CHECK(std::fclose(file) == 0);
    }

  private:
    std::string folder_;
};

}  // namespace s3client
