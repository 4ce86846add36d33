// The command line of s3zip as plain data. parse_arguments() makes every check that needs no
// network, so that a typing error costs an exit code 2 and no request. No I/O but reading the
// variables of config/command_variables.h, and the files of the token and of customers' keys.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "archive/request.h"
#include "archive/verify.h"
#include "cli/daemon_access.h"

namespace cli {

enum class Command : std::uint8_t { create, plan, ls, show, watch, cancel, verify };

// Exit codes of the command; scripts depend on them.
enum ExitCode : int { kDone = 0, kFailed = 1, kBadUsage = 2, kUnreachable = 3 };

// Settings of the engine for commands that run without a daemon.
struct LocalSettings {
    std::string io = "auto";  // auto | uring | epoll
    unsigned reactors = 0;    // 0: one per core
    std::uint64_t memory_bytes = 256ULL << 20;
    std::uint64_t plan_memory_bytes = 1ULL << 30;
    std::string profile{};             // of the AWS files; empty: AWS_PROFILE
    std::optional<bool> dual_stack{};  // none: as AWS_* variables and the profile say
    std::string conditional_writes = "auto", hedged_uploads = "auto";  // auto | always | never
    bool no_sign_request = false;
};

struct Arguments {
    Command command = Command::ls;
    DaemonAccess daemon;                // of commands that speak to one
    std::vector<std::string> warnings;  // to be shown before the command runs
    bool json = false;

    archive::ArchiveRequest request;  // create, plan
    bool local = false;               // create, plan: no daemon
    bool wait = false;                // create
    LocalSettings settings;           // create --local, plan --local, verify

    std::string id;       // show, watch, cancel
    std::string state;    // ls: only jobs in this state; empty: all
    unsigned limit = 20;  // ls

    std::string target;             // verify: s3://bucket/key or a file, as it was typed
    archive::VerifyRequest verify;  // the same, understood
};

// Why there are no Arguments: help or version was asked for (code 0, text for standard output), or
// bad usage.
struct Leave {
    int code = kBadUsage;
    std::string text;
};

bool needs_no_daemon(const Arguments& arguments);

std::expected<Arguments, Leave> parse_arguments(std::vector<std::string> words);

}  // namespace cli
