// Credentials that STS gives: for a web identity's token, or for other credentials.
#include <fmt/format.h>
#include <utility>

#include "s3client/credentials/credential_source.h"
#include "s3client/credentials/http_fetch.h"
#include "s3client/credentials/sts.h"
#include "s3client/sigv4.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

constexpr std::size_t kTokenMax_bytes = 64 << 10;

std::string made_up_session_name(io::Reactor& reactor) {
    const auto now = std::chrono::floor<std::chrono::seconds>(reactor.utc_now());
    return fmt::format("s3zipd-{}", now.time_since_epoch().count());
}

bool may_help(const base::Error& error) {
    return error.kind == ErrorKind::transient || error.kind == ErrorKind::throttled;
}

// Signed anew for each attempt if there are keys.
io::Task<Result<Credentials>> ask_sts(FetchContext context, StsEndpoint where, StsCall call,
                                      const Credentials* keys, Attempts attempts) {
    Signer signer;
    for (unsigned attempt = 1;; ++attempt) {
        HttpRequest request = call.request;
        if (keys != nullptr) {
            signer.sign(request, PayloadHash::of(base::as_bytes(call.body)), *keys, where.region,
                        context.reactor.utc_now(), "sts");
        }
        auto answer =
            co_await http_fetch(context.connections, where.endpoint, std::move(request), call.body,
                                within(context, attempts.timeout), Route::by_proxy);
        Result<Credentials> got = answer ? parse_sts_answer(std::move(answer->body), answer->status)
                                         : Result<Credentials>(std::unexpected(answer.error()));
        if (got || !may_help(got.error()) || attempt == attempts.count) co_return got;
        if (!co_await context.reactor.sleep(attempts.pause, context.bounds.cancel)) co_return got;
    }
}

class WebIdentitySource final : public CredentialSource {
  public:
    WebIdentitySource(WebIdentity identity, StsSettings sts)
        : identity_(std::move(identity)), sts_(std::move(sts)) {}
    std::string name() const override { return "web identity"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        auto where = sts_endpoint(sts_.environment, sts_.region, sts_.regional_endpoints);
        if (!where) co_return std::unexpected(where.error());
        auto token = co_await read_text_file(context, identity_.token_file, kTokenMax_bytes);
        if (!token) co_return std::unexpected(token.error());
        StsCall call = web_identity_call(where->endpoint, identity_, *token,
                                         made_up_session_name(context.reactor));
        co_return co_await ask_sts(context, std::move(*where), std::move(call), nullptr,
                                   sts_.attempts);
    }

  private:
    const WebIdentity identity_;
    const StsSettings sts_;
};

class EnvironmentWebIdentitySource final : public CredentialSource {
  public:
    EnvironmentWebIdentitySource(Environment environment, Attempts attempts)
        : environment_(std::move(environment)), attempts_(attempts) {}
    std::string name() const override { return "web identity"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        const auto file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE");
        if (!file) {
            co_return base::fail(ErrorKind::denied, kNoCredentials,
                                 "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        }
        const auto role = environment_("AWS_ROLE_ARN");
        if (!role) {
            co_return base::fail(ErrorKind::invalid, "bad_web_identity",
                                 "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
        }
        const auto region = environment_("AWS_REGION");
        WebIdentitySource source(
            {*file, *role, environment_("AWS_ROLE_SESSION_NAME").value_or("")},
            {environment_, region ? *region : environment_("AWS_DEFAULT_REGION").value_or(""), "",
             attempts_});
        co_return co_await source.fetch(context);
    }

  private:
    const Environment environment_;
    const Attempts attempts_;
};

class AssumeRoleSource final : public CredentialSource {
  public:
    AssumeRoleSource(std::unique_ptr<CredentialSource> base, RoleToAssume role, StsSettings sts)
        : base_(std::move(base)), role_(std::move(role)), sts_(std::move(sts)) {}
    std::string name() const override { return "assumed role"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        auto where = sts_endpoint(sts_.environment, sts_.region, sts_.regional_endpoints);
        if (!where) co_return std::unexpected(where.error());
        auto keys = co_await base_->fetch(context);
        if (!keys) co_return keys;
        StsCall call =
            assume_role_call(where->endpoint, role_, made_up_session_name(context.reactor));
        auto got =
            co_await ask_sts(context, std::move(*where), std::move(call), &*keys, sts_.attempts);
        if (!got) {
            got.error().detail = fmt::format("{}: {}", role_.role_arn, got.error().detail);
        }
        co_return got;
    }

  private:
    const std::unique_ptr<CredentialSource> base_;
    const RoleToAssume role_;
    const StsSettings sts_;
};

// Of keys that somebody else keeps fresh.
class RoleOfProviderSource final : public CredentialSource {
  public:
    RoleOfProviderSource(std::shared_ptr<CredentialsProvider> base, RoleToAssume role,
                         StsSettings sts)
        : base_(std::move(base)), role_(std::move(role)), sts_(std::move(sts)) {}
    std::string name() const override { return role_.role_arn; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        auto keys = base_->get();
        if (!keys) keys = co_await base_->renew(context.reactor, nullptr, context.bounds);
        if (!keys) co_return std::unexpected(with_role(keys.error()));
        auto got = co_await assume(context, **keys);
        if (!got && has_expired(got.error())) {
            auto newer = co_await base_->renew(context.reactor, *keys, context.bounds);
            if (newer) got = co_await assume(context, **newer);
        }
        if (!got) co_return std::unexpected(with_role(got.error()));
        co_return got;
    }

  private:
    static bool has_expired(const base::Error& error) {
        return error.code == "ExpiredToken" || error.code == "ExpiredTokenException";
    }
    base::Error with_role(base::Error error) const {
        error.detail = fmt::format("{}: {}", role_.role_arn, error.detail);
        return error;
    }
    io::Task<Result<Credentials>> assume(FetchContext context, const Credentials& keys) {
        auto where = sts_endpoint(sts_.environment, sts_.region, sts_.regional_endpoints);
        if (!where) co_return std::unexpected(where.error());
        StsCall call =
            assume_role_call(where->endpoint, role_, made_up_session_name(context.reactor));
        co_return co_await ask_sts(context, std::move(*where), std::move(call), &keys,
                                   sts_.attempts);
    }

    const std::shared_ptr<CredentialsProvider> base_;
    const RoleToAssume role_;
    const StsSettings sts_;
};

class FixedSource final : public CredentialSource {
  public:
    explicit FixedSource(Credentials credentials) : credentials_(std::move(credentials)) {}
    std::string name() const override { return "given keys"; }
    io::Task<Result<Credentials>> fetch(FetchContext) override { co_return credentials_; }

  private:
    const Credentials credentials_;
};

}  // namespace

std::unique_ptr<CredentialSource> web_identity_source(WebIdentity identity, StsSettings sts) {
    return std::make_unique<WebIdentitySource>(std::move(identity), std::move(sts));
}
std::unique_ptr<CredentialSource> web_identity_source(Environment environment, Attempts attempts) {
    return std::make_unique<EnvironmentWebIdentitySource>(std::move(environment), attempts);
}
std::unique_ptr<CredentialSource> assume_role_source(std::unique_ptr<CredentialSource> base,
                                                     RoleToAssume role, StsSettings sts) {
    return std::make_unique<AssumeRoleSource>(std::move(base), std::move(role), std::move(sts));
}
std::unique_ptr<CredentialSource> assume_role_source(std::shared_ptr<CredentialsProvider> base,
                                                     RoleToAssume role, StsSettings sts) {
    return std::make_unique<RoleOfProviderSource>(std::move(base), std::move(role), std::move(sts));
}
std::unique_ptr<CredentialSource> fixed_source(Credentials credentials) {
    return std::make_unique<FixedSource>(std::move(credentials));
}

}  // namespace s3client
