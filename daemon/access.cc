#include "daemon/access.h"

#include <fmt/format.h>
#include <algorithm>

#include "base/bytes.h"
#include "s3client/sigv4.h"

namespace s3zipd {
namespace {

// https://www.rfc-editor.org/rfc/rfc6750#section-2.1; the scheme's case does not matter.
std::optional<std::string_view> bearer_token(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() <= kScheme.size()) return std::nullopt;
    const bool is_bearer =
        std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                   [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    if (!is_bearer) return std::nullopt;
    authorization.remove_prefix(kScheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    while (authorization.ends_with(' ')) authorization.remove_suffix(1);
    return authorization;
}

constexpr const char* kAdminName = "(admin)";  // no other can have it

// Looks at every byte, wherever the first difference is.
bool equal(const config::Sha256Digest& a, const config::Sha256Digest& b) {
    unsigned different = 0;
    for (std::size_t i = 0; i < a.size(); ++i) different |= a[i] ^ b[i];
    return different == 0;
}

std::vector<archive::ObjectPrefix> prefixes_of(const std::vector<config::BucketPrefix>& from) {
    std::vector<archive::ObjectPrefix> prefixes;
    for (const auto& [bucket, prefix] : from) prefixes.push_back({bucket, prefix});
    return archive::narrowed(std::move(prefixes));
}

std::shared_ptr<const archive::RequestScope> scope_of(const config::TokenEntry& token) {
    if (!token.sources && !token.destinations) return nullptr;
    archive::RequestScope scope;
    if (token.sources) scope.sources = prefixes_of(*token.sources);
    if (token.destinations) scope.destinations = prefixes_of(*token.destinations);
    return std::make_shared<const archive::RequestScope>(std::move(scope));
}

Caller caller_of(const config::TokenEntry& token) {
    return {.name = token.name,
            .submit = token.submit || token.admin,
            .read = token.read || token.admin,
            .admin = token.admin,
            .scope = scope_of(token),
            .roles = token.roles};
}

Caller admin_named(std::string name) {
    return {.name = std::move(name),
            .submit = true,
            .read = true,
            .admin = true,
            .scope = nullptr,
            .roles = std::nullopt};
}

bool is_role_of(const std::string& role, std::string_view pattern) {
    if (!pattern.ends_with('*')) return role == pattern;
    return role.starts_with(pattern.substr(0, pattern.size() - 1));
}

}  // namespace

bool Caller::has(Right right) const {
    switch (right) {
        case Right::none: return true;
        case Right::submit: return submit;
        case Right::read: return read;
    }
    return false;
}

bool Caller::may_see(std::string_view bucket, std::string_view key) const {
    return admin || !scope || scope->may_write(bucket, key);
}

base::Status Caller::may_post(const archive::ArchiveRequest& request) const {
    const std::string& role = request.options.role_arn;
    if (!role.empty() && roles && std::ranges::none_of(*roles, [&](const auto& pattern) {
            return is_role_of(role, pattern);
        }))
        return base::fail({base::ErrorKind::denied,
                           "not_allowed",
                           fmt::format("the token may not have {} assumed", role),
                           0,
                           {},
                           "/options/role_arn"});
    return scope ? archive::check_scope(request, *scope) : base::Status{};
}

Access::Access()
    : all_(std::make_shared<const All>()),
      web_rules_(std::make_shared<const WebRules>()),
      anybody_(std::make_shared<const Caller>(admin_named(""))) {}

void Access::replace(const std::vector<config::TokenEntry>& tokens,
                     const std::optional<config::Sha256Digest>& admin_token) {
    std::vector<config::TokenEntry> entries = tokens;
    if (admin_token) {
        config::TokenEntry& admin = entries.emplace_back();
        admin.name = kAdminName;
        admin.digests = {*admin_token};
        admin.admin = true;
    }
    const std::lock_guard lock(mutex_);
    All all;
    for (config::TokenEntry& entry : entries) {
        const auto same = std::ranges::find(*all_, entry, &Known::entry);
        auto caller =
            same != all_->end()
                ? same->caller
                : std::make_shared<const Caller>(entry.name == kAdminName ? admin_named(kAdminName)
                                                                          : caller_of(entry));
        all.push_back({std::move(entry), std::move(caller)});
    }
    all_ = std::make_shared<const All>(std::move(all));
    ++version_;
}

void Access::set_web_rules(WebRules rules) {
    auto shared = std::make_shared<const WebRules>(std::move(rules));
    const std::lock_guard lock(mutex_);
    web_rules_ = std::move(shared);
}

std::shared_ptr<const WebRules> Access::web_rules() const {
    const std::lock_guard lock(mutex_);
    return web_rules_;
}

bool Access::needs_token() const { return !all()->empty(); }

bool Access::knows(const Caller& caller) const {
    const auto all = this->all();
    if (all->empty()) return &caller == anybody_.get();
    return std::ranges::any_of(*all, [&](const Known& one) { return one.caller.get() == &caller; });
}

std::shared_ptr<const Access::All> Access::all() const {
    const std::lock_guard lock(mutex_);
    return all_;
}

std::shared_ptr<const Caller> Access::identify(std::string_view authorization,
                                               const std::vector<std::string>& certificates) const {
    const auto all = this->all();
    if (all->empty()) return anybody_;
    std::shared_ptr<const Caller> found;
    if (const auto token = bearer_token(authorization)) {
        const auto hash = s3client::sha256(base::as_bytes(*token));
        config::Sha256Digest digest;
        std::ranges::transform(hash, digest.begin(),
                               [](auto byte) { return static_cast<std::uint8_t>(byte); });
        for (const Known& known : *all) {
            for (const auto& one : known.entry.digests) {
                if (equal(one, digest)) found = known.caller;
            }
        }
        return found;  // a wrong token is not made good by a certificate
    }
    for (const Known& known : *all) {
        for (const std::string& name : known.entry.certificates) {
            if (std::ranges::find(certificates, name) != certificates.end()) return known.caller;
        }
    }
    return nullptr;
}

}  // namespace s3zipd
