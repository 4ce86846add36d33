// Answers that belong to other requests, for the faults `late` and `swap`: the newest successes of
// a server, kept while its fault plan has such a rule. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "s3sim/http.h"
#include "s3sim/operation.h"

namespace s3sim {

struct Exchange;

class EarlierAnswers {
  public:
    static constexpr std::size_t kKeptMax = 16;  // bodies are shared, not copied

    // Keeps a success. A new generation of the fault plan forgets all of the one before.
    void keep(std::uint64_t generation, const Exchange& exchange, Response response);
    // The newest answer of the same operation to a request for something else; none if there was
    // no such request.
    std::optional<Response> of_operation(std::uint64_t generation, const Exchange& exchange) const;
    // The same; if there is none, the newest answer of any other operation.
    std::optional<Response> any(std::uint64_t generation, const Exchange& exchange) const;

  private:
    struct Kept {
        Operation operation;
        std::string target;
        Response response;
    };
    std::optional<Response> newest(std::uint64_t generation, auto matches) const;

    mutable std::mutex mutex_;
    std::uint64_t generation_ = 0;
    std::deque<Kept> kept_;  // oldest first
};

}  // namespace s3sim
