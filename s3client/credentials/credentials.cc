#include "s3client/credentials/credentials.h"

#include <algorithm>
#include <utility>

#include "s3client/request.h"

namespace s3client {
namespace {

class FixedCredentials final : public CredentialsProvider {
  public:
    explicit FixedCredentials(CredentialsSnapshot snapshot) : snapshot_(std::move(snapshot)) {}

    base::Result<CredentialsSnapshot> get() override {
        if (!snapshot_) {
            return base::fail(base::ErrorKind::denied, "no_credentials",
                              "no credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are "
                              "not set");
        }
        return snapshot_;
    }

  private:
    CredentialsSnapshot snapshot_;
};

}  // namespace

io::Task<base::Result<CredentialsSnapshot>> CredentialsProvider::renew(io::Reactor&,
                                                                       CredentialsSnapshot refused,
                                                                       io::Bounds) {
    auto current = get();
    if (!current || *current != refused) co_return current;
    co_return base::fail(base::ErrorKind::denied, "credentials_unchanged",
                         "the refused credentials are the only ones");
}

base::Status check_credentials(const Credentials& credentials) {
    // Anything that is not visible (a pasted newline) would end up in a header. The texts name the
    // field and never its value.
    const auto bad = [](const char* what) {
        return base::fail(base::ErrorKind::invalid, "bad_credentials", what);
    };
    if (credentials.access_key_id.empty()) return bad("the secret access key has no access key id");
    if (credentials.secret_access_key.empty()) return bad("the access key id has no secret");
    if (!is_visible(credentials.access_key_id)) {
        return bad("the access key id holds a space or control character");
    }
    if (!is_visible(credentials.secret_access_key)) {
        return bad("the secret access key holds a space or control character");
    }
    if (!is_visible(credentials.session_token)) {
        return bad("the session token holds a space or control character");
    }
    return {};
}

std::unique_ptr<CredentialsProvider> anonymous_credentials() {
    return std::make_unique<FixedCredentials>(std::make_shared<const Credentials>());
}

base::Result<std::unique_ptr<CredentialsProvider>> static_credentials(Credentials credentials) {
    if (const base::Status ok = check_credentials(credentials); !ok)
        return std::unexpected(ok.error());
    return std::make_unique<FixedCredentials>(
        std::make_shared<const Credentials>(std::move(credentials)));
}

base::Result<std::unique_ptr<CredentialsProvider>> environment_credentials(
    const Environment& environment) {
    Credentials credentials;
    credentials.access_key_id = environment("AWS_ACCESS_KEY_ID").value_or("");
    credentials.secret_access_key = environment("AWS_SECRET_ACCESS_KEY").value_or("");
    credentials.session_token = environment("AWS_SESSION_TOKEN").value_or("");
    if (credentials.access_key_id.empty() && credentials.secret_access_key.empty()) {
        return std::make_unique<FixedCredentials>(nullptr);
    }
    return static_credentials(std::move(credentials));
}

}  // namespace s3client
