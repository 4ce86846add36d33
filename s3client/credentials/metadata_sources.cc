// Credentials of the metadata services of containers and instances, and of the environment.
#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/encoding.h"
#include "s3client/clip.h"
#include "s3client/credentials/credential_source.h"
#include "s3client/credentials/credentials_json.h"
#include "s3client/credentials/http_fetch.h"

namespace s3client {
namespace {

using base::ErrorKind;
using base::Result;

constexpr std::size_t kTokenMax_bytes = 16 << 10;
constexpr std::size_t kRoleNameMax_bytes = 256;
constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kInstanceHost = "http://169.254.169.254";
constexpr std::string_view kInstanceHostIpv6 = "http://[fd00:ec2::254]";
constexpr std::string_view kRolesPath = "/latest/meta-data/iam/security-credentials/";

std::unexpected<base::Error> none(std::string detail) {
    return base::fail(ErrorKind::denied, kNoCredentials, std::move(detail));
}

class EnvironmentSource final : public CredentialSource {
  public:
    explicit EnvironmentSource(Environment environment) : environment_(std::move(environment)) {}
    std::string name() const override { return "environment variables"; }
    io::Task<Result<Credentials>> fetch(FetchContext) override {
        auto provider = environment_credentials(environment_);
        if (!provider) co_return std::unexpected(provider.error());
        auto snapshot = (*provider)->get();
        if (!snapshot) co_return std::unexpected(snapshot.error());
        co_return **snapshot;
    }

  private:
    const Environment environment_;
};

// 127.a.b.c in numbers: "127.evil.example" is a name like any other.
bool is_ipv4_loopback(std::string_view host) {
    if (!host.starts_with("127.")) return false;
    unsigned parts = 0;
    while (!host.empty()) {
        const auto dot = host.find('.');
        const std::string_view part = host.substr(0, dot);
        unsigned value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (error != std::errc{} || end != part.data() + part.size() || value > 255) return false;
        ++parts;
        if (dot == std::string_view::npos) break;
        host.remove_prefix(dot + 1);
        if (host.empty()) return false;
    }
    return parts == 4;
}

bool is_allowed(const Endpoint& endpoint) {
    const std::string& host = endpoint.host;
    return endpoint.tls || host == "localhost" || host == "::1" || host == "169.254.170.2" ||
           host == "169.254.170.23" || host == "fd00:ec2::23" || is_ipv4_loopback(host);
}

struct Address {
    Endpoint endpoint;
    HttpRequest request;
};

std::unexpected<base::Error> bad_uri(std::string_view variable, std::string_view what) {
    return base::fail(ErrorKind::invalid, "bad_endpoint", fmt::format("{} {}", variable, what));
}

// The path and query go out as they came, but for the order and escapes of the query.
base::Status take_target(std::string_view target, std::string_view variable, HttpRequest& request) {
    const auto question = target.find('?');
    request.path = target.substr(0, question);
    if (request.path.empty()) request.path = "/";
    if (request.path[0] != '/') return bad_uri(variable, "has no path that begins with '/'");
    std::string_view query =
        question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const auto equals = pair.find('=');
        auto name = base::percent_decode(pair.substr(0, equals));
        auto value = base::percent_decode(
            equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
        if (!name || !value) return bad_uri(variable, "is wrongly percent-encoded");
        request.query.emplace_back(std::move(*name), std::move(*value));
    }
    return {};
}

class ContainerSource final : public CredentialSource {
  public:
    ContainerSource(Environment environment, Attempts attempts)
        : environment_(std::move(environment)), attempts_(attempts) {}
    std::string name() const override { return "container credentials"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        auto address = where();
        if (!address) co_return std::unexpected(address.error());
        auto token = co_await authorization(context);
        if (!token) co_return std::unexpected(token.error());
        if (!token->empty()) address->request.set_header("authorization", std::move(*token));
        address->request.set_header("accept", "application/json");
        for (unsigned attempt = 1;; ++attempt) {
            auto got = co_await ask(context, *address);
            const bool again = !got && (got.error().kind == ErrorKind::transient ||
                                        got.error().kind == ErrorKind::throttled);
            if (!again || attempt == attempts_.count) co_return got;
            if (!co_await context.reactor.sleep(attempts_.pause, context.bounds.cancel)) {
                co_return got;
            }
        }
    }

  private:
    Result<Address> where() const {
        Address address;
        std::string_view variable = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        std::string url(kContainerHost), target;
        if (const auto relative = environment_(variable)) {
            target = *relative;
        } else {
            variable = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
            const auto full = environment_(variable);
            if (!full) return none("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI not set");
            const auto scheme = full->find("://");
            if (scheme == std::string::npos) return bad_uri(variable, "is no http or https URL");
            const auto end = std::min(full->find_first_of("/?", scheme + 3), full->size());
            url = full->substr(0, end);
            target = full->substr(end);
            if (target.starts_with('?')) target.insert(0, "/");
        }
        auto endpoint = parse_endpoint(url);
        if (!endpoint) return bad_uri(variable, "is no http or https URL");
        address.endpoint = std::move(*endpoint);
        if (!is_allowed(address.endpoint)) {
            return bad_uri(variable, fmt::format("names {}: plain http goes to this machine and to "
                                                 "the container agent only",
                                                 address.endpoint.host));
        }
        if (auto ok = take_target(target, variable, address.request); !ok) {
            return std::unexpected(ok.error());
        }
        return address;
    }

    // Read anew each time: whoever runs the container replaces the file before the token expires.
    io::Task<Result<std::string>> authorization(FetchContext context) {
        std::string token;
        if (const auto file = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
            auto text = co_await read_text_file(context, *file, kTokenMax_bytes);
            if (!text) co_return std::unexpected(text.error());
            token = std::move(*text);
        } else {
            token = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
        }
        if (token.find_first_of("\r\n") != std::string::npos) {
            co_return base::fail(ErrorKind::invalid, "bad_token",
                                 "the container's authorization token holds a line break");
        }
        co_return token;
    }

    io::Task<Result<Credentials>> ask(FetchContext context, Address address) {
        const std::string url = address.endpoint.url();
        auto answer =
            co_await http_fetch(context.connections, std::move(address.endpoint),
                                std::move(address.request), {}, within(context, attempts_.timeout));
        if (!answer) co_return std::unexpected(answer.error());
        if (answer->status == 200) {
            co_return parse_container_credentials(answer->body);
        }
        base::Error error{answer->status >= 500 ? ErrorKind::transient : ErrorKind::denied,
                          "credentials_refused",
                          fmt::format("{}: the answer is an error", url),
                          answer->status,
                          {},
                          {}};
        if (answer->status == 429) error.kind = ErrorKind::throttled;
        co_return std::unexpected(std::move(error));
    }

    const Environment environment_;
    const Attempts attempts_;
};

class InstanceSource final : public CredentialSource {
  public:
    InstanceSource(Environment environment, Attempts attempts)
        : environment_(std::move(environment)), attempts_(attempts) {}
    std::string name() const override { return "instance metadata"; }

    io::Task<Result<Credentials>> fetch(FetchContext context) override {
        std::string disabled = environment_("AWS_EC2_METADATA_DISABLED").value_or("");
        std::ranges::transform(disabled, disabled.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
        if (disabled == "true") co_return none("disabled by AWS_EC2_METADATA_DISABLED");
        const auto endpoint = where();
        if (!endpoint) co_return std::unexpected(endpoint.error());
        for (unsigned attempt = 1;; ++attempt) {
            auto got = co_await ask(context, *endpoint);
            if (got || got.error().kind != ErrorKind::transient || attempt == attempts_.count) {
                co_return got;
            }
            if (!co_await context.reactor.sleep(attempts_.pause, context.bounds.cancel)) {
                co_return got;
            }
        }
    }

  private:
    Result<Endpoint> where() const {
        if (const auto url = environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT")) {
            return parse_endpoint(*url);
        }
        const auto mode = environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("");
        return parse_endpoint(mode == "IPv6" || mode == "ipv6" ? kInstanceHostIpv6 : kInstanceHost);
    }

    // Whatever fails, there may be no such service here. Its kind still says whether to retry.
    static std::unexpected<base::Error> lacking(base::Error error) {
        if (error.kind != ErrorKind::cancelled) error.code = kNoCredentials;
        return std::unexpected(std::move(error));
    }

    io::Task<Result<std::string>> request(FetchContext context, Endpoint endpoint,
                                          std::string method, std::string path, NameValue header) {
        HttpRequest request;
        request.method = std::move(method);
        request.path = endpoint.path_prefix + path;
        request.headers.push_back(std::move(header));
        const std::string url = endpoint.url();
        auto answer =
            co_await http_fetch(context.connections, std::move(endpoint), std::move(request), {},
                                within(context, attempts_.timeout));
        if (!answer) co_return lacking(answer.error());
        if (answer->status == 200) co_return std::move(answer->body);
        co_return lacking({answer->status >= 500 ? ErrorKind::transient : ErrorKind::denied,
                           {},
                           fmt::format("{}: {} is refused", url, path),
                           answer->status,
                           {},
                           {}});
    }

    io::Task<Result<Credentials>> ask(FetchContext context, Endpoint endpoint) {
        auto token = co_await request(context, endpoint, "PUT", "/latest/api/token",
                                      {"x-aws-ec2-metadata-token-ttl-seconds", "21600"});
        if (!token) co_return std::unexpected(token.error());
        const NameValue proof{"x-aws-ec2-metadata-token", std::move(*token)};
        auto roles = co_await request(context, endpoint, "GET", std::string(kRolesPath), proof);
        if (!roles) co_return std::unexpected(roles.error());
        const std::string role = roles->substr(0, roles->find_first_of("\r\n"));
        if (role.empty() || role.size() > kRoleNameMax_bytes) {
            co_return none(fmt::format("{}: no role is attached", endpoint.url()));
        }
        auto text =
            co_await request(context, endpoint, "GET",
                             std::string(kRolesPath) + base::percent_encode(role, false), proof);
        if (!text) co_return std::unexpected(text.error());
        co_return parse_instance_credentials(*text);
    }

    const Environment environment_;
    const Attempts attempts_;
};

}  // namespace

io::Bounds within(const FetchContext& context, base::Duration timeout) {
    io::Bounds bounds = context.bounds;
    bounds.deadline = std::min(bounds.deadline, context.reactor.now() + timeout);
    return bounds;
}

std::unique_ptr<CredentialSource> environment_source(Environment environment) {
    return std::make_unique<EnvironmentSource>(std::move(environment));
}
std::unique_ptr<CredentialSource> container_source(Environment environment, Attempts attempts) {
    return std::make_unique<ContainerSource>(std::move(environment), attempts);
}
std::unique_ptr<CredentialSource> instance_source(Environment environment, Attempts attempts) {
    return std::make_unique<InstanceSource>(std::move(environment), attempts);
}

}  // namespace s3client
