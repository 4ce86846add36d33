// Who may do what on the REST API: the callers that a tokens file names (config/tokens.h), found by
// the token or the client certificate that comes with a request.
//
//   submit   post archives and plans, and cancel
//   read     see archives: the list, one, its events, its download; and the metrics
//   admin    both, for archives of everybody
//
// A caller sees and cancels the archives that lie in its destinations. Without any token everybody
// who can connect is an admin: config::load() sees to it that this is nobody from elsewhere.
//
// Which web pages may send requests at all is in access_web.h.
//
// Thread-safe; replace() takes effect with the next request, and on answers that take long by a
// CallerWatch.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/request.h"
#include "base/error.h"
#include "config/tokens.h"
#include "daemon/access_web.h"

namespace s3zipd {

enum class Right : std::uint8_t {
    none,  // nobody needs to be known
    submit,
    read,
};

struct Caller {
    std::string name;  // of the token; goes into the log
    bool submit = false, read = false, admin = false;
    std::shared_ptr<const archive::RequestScope> scope;  // none: everything
    std::optional<std::vector<std::string>> roles;       // that may be named; none: any

    bool has(Right right) const;
    bool may_see(std::string_view bucket, std::string_view key) const;
    bool may_see(const archive::ArchiveRequest& request) const {
        return may_see(request.destination.bucket, request.destination.key);
    }
    // Error: denied "not_allowed", whose `key` is the JSON pointer of the field at fault.
    base::Status may_post(const archive::ArchiveRequest& request) const;
};

class Access {
  public:
    Access();  // without any token
    // No entries and no digest: without any token. Callers whose entry is the same stay the same.
    void replace(const std::vector<config::TokenEntry>& tokens,
                 const std::optional<config::Sha256Digest>& admin_token);

    bool needs_token() const;
    // The caller whose token is in this Authorization header, else whose certificate has one of
    // these names; nullptr: none. What tokens there are does not show in how long it takes.
    std::shared_ptr<const Caller> identify(std::string_view authorization,
                                           const std::vector<std::string>& certificates) const;

    // Which web pages may use the API, from the next request on.
    void set_web_rules(WebRules rules);
    std::shared_ptr<const WebRules> web_rules() const;

    // Whether identify() may still give this caller.
    bool knows(const Caller& caller) const;
    std::uint64_t version() const { return version_.load(); }  // another after each replace()

  private:
    struct Known {
        config::TokenEntry entry;
        std::shared_ptr<const Caller> caller;
    };
    using All = std::vector<Known>;
    std::shared_ptr<const All> all() const;

    mutable std::mutex mutex_;        // guards the pointers
    std::shared_ptr<const All> all_;  // empty: everybody is an admin
    std::shared_ptr<const WebRules> web_rules_;
    const std::shared_ptr<const Caller> anybody_;
    std::atomic<std::uint64_t> version_{0};
};

// Whether a caller is still known: for answers that go on. For one thread; cheap to ask often.
class CallerWatch {
  public:
    CallerWatch(const Access& access, std::shared_ptr<const Caller> caller)
        : access_(access), caller_(std::move(caller)) {}
    bool is_known() {
        if (const auto now = access_.version(); std::exchange(seen_, now) != now)
            known_ = access_.knows(*caller_);
        return known_;
    }

  private:
    const Access& access_;
    const std::shared_ptr<const Caller> caller_;
    std::optional<std::uint64_t> seen_;
    bool known_ = true;
};

}  // namespace s3zipd
