#include "cli/arguments.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "cli/access_options.h"
#include "cli/text.h"
#include "config/byte_size.h"
#include "config/limits.h"
#include "s3client/endpoint.h"
#include "s3client/http_url.h"

namespace cli {
namespace {

constexpr unsigned kListLimitMax = 1000;

// The words of create and plan before they are understood.
struct CreateWords {
    std::vector<std::string> sources, manifests, include, exclude, names;
    std::string output, part_size, memory, plan_memory;
    std::string name_policy, order, on_duplicate, on_missing, on_empty, timestamps;
    StoreWords store;
};

// Those of verify.
struct VerifyWords {
    std::string crc32, names = "safe";
    AccessWords access;
};

using archive::Options;

void add_engine_options(CLI::App& app, Arguments& a, CreateWords& words) {
    app.add_option("--io", a.settings.io, "Without a daemon: auto, uring or epoll")
        ->check(CLI::IsMember({"auto", "uring", "epoll"}));
    app.add_option("--reactors", a.settings.reactors,
                   "Without a daemon: reactor threads, 0 is one per core");
    app.add_option("--memory", words.memory, "Without a daemon: part memory, e.g. 256MiB");
    app.add_option("--profile", a.settings.profile,
                   "Without a daemon: of the AWS files; its keys win over AWS_* variables");
    app.add_option_function<bool>(
        "--dualstack", [&a](const bool& on) { a.settings.dual_stack = on; },
        "Without a daemon: AWS's endpoints for IPv4 and IPv6, true or false");
    const auto use = [&](const char* name, std::string& word, const char* what) {
        app.add_option(name, word, what)->check(CLI::IsMember({"auto", "always", "never"}));
    };
    use("--conditional-writes", a.settings.conditional_writes,
        "Without a daemon: If-None-Match unless --overwrite, auto, always or never");
    use("--hedged-uploads", a.settings.hedged_uploads,
        "Without a daemon: send a late part a second time, auto (to AWS only), always or never");
    app.add_flag("--no-sign-request", a.settings.no_sign_request,
                 "Without a daemon: no credentials, for public buckets");
}

void add_create_options(CLI::App& app, Arguments& a, CreateWords& words) {
    Options& options = a.request.options;
    app.add_option(
        "SOURCE", words.sources,
        "s3://bucket or s3://bucket/prefix/ for all below, s3://bucket/key for one object");
    app.add_option("--manifest", words.manifests,
                   "Objects that this file names, one JSON object a line: s3://bucket/list.jsonl "
                   "(repeatable)")
        ->allow_extra_args(false);
    app.add_option("-o,--output", words.output, "Where the archive goes: s3://bucket/key.zip")
        ->required();
    app.add_flag("--local", a.local, "Do the work in this process, without a daemon");
    app.add_option("--plan-memory", words.plan_memory,
                   "Without a daemon: memory for the plan of the job, e.g. 2GiB");
    app.add_flag("--overwrite", a.request.destination.overwrite,
                 "Replace the archive if it exists");
    app.add_option("--strip-prefix", options.strip_prefix,
                   "Cut this from the front of entry names");
    app.add_flag("--flatten", options.flatten, "Entry names without their folders");
    app.add_option("--include", words.include, "Only keys below a prefix that match (repeatable)")
        ->allow_extra_args(false);
    app.add_option("--exclude", words.exclude, "Not the keys that match; wins (repeatable)")
        ->allow_extra_args(false);
    app.add_option("--name", words.names,
                   "Entry name of the first, second... single object (repeatable)")
        ->allow_extra_args(false);
    const auto choice = [&](const char* name, std::string& word, std::vector<std::string> choices,
                            const char* what) {
        app.add_option(name, word, what)->check(CLI::IsMember(std::move(choices)));
    };
    choice("--names", words.name_policy, {"safe", "strict", "raw"},
           "Names some reader cannot extract: changed, an error, or kept");
    choice("--order", words.order, {"given", "key"}, "Entries as listed and named here, or by key");
    choice("--on-duplicate", words.on_duplicate, {"fail", "rename"}, "Two entries of one name");
    choice("--on-missing", words.on_missing, {"fail", "skip"}, "An object that is not there");
    app.add_flag("--list-missing", options.list_missing,
                 "With --on-missing skip: name them in an entry, _MISSING.txt");
    app.add_flag("--reuse", options.reuse,
                 "An earlier archive of the same objects will do, if it is unchanged");
    choice("--on-empty", words.on_empty, {"fail", "archive"},
           "Nothing to zip: an error, or an empty archive");
    choice("--timestamps", words.timestamps, {"source", "fixed"}, "Times of entries");
    app.add_option("--comment", options.comment, "Comment of the archive");
    app.add_option("--part-size", words.part_size, "Target size of a part, 5MiB to 5GiB");
    app.add_option("--priority", options.priority,
                   "Higher first in the daemon's queue, -100 to 100")
        ->check(CLI::Range(-100, 100));
    app.add_option("--notify", a.request.notify_url,
                   "The daemon tells this URL with a signed POST when the job has ended");
    add_store_options(app, a, words.store);
    add_engine_options(app, a, words);
}

void add_verify_options(CLI::App& app, Arguments& a, VerifyWords& words) {
    app.add_option("ARCHIVE", a.target, "s3://bucket/key.zip or a file")->required();
    app.add_option("--crc32", words.crc32,
                   "What the archive's CRC-32 must be, as the job's result has it: 8 hex digits");
    app.add_option("--version-id", a.verify.version_id, "This version of the object");
    app.add_option("--role-arn", a.verify.role_arn, "Sign with the keys of this role");
    app.add_option("--external-id", a.verify.external_id, "With --role-arn");
    app.add_option("--names", words.names,
                   "safe, or raw: names that are unsafe to extract are meant")
        ->check(CLI::IsMember({"safe", "raw"}))
        ->capture_default_str();
    add_access_options(app, words.access);
}

base::Status bad(std::string_view code, std::string detail) {
    return base::fail(base::ErrorKind::invalid, code, std::move(detail));
}

bool names_one_object(const s3client::S3Uri& uri) {
    return !uri.key.empty() && !uri.key.ends_with('/');
}

// Neighbouring single objects of one bucket become one source, in their order.
base::Status add_source(const std::string& word, const CreateWords& words, std::size_t& next_name,
                        std::vector<archive::Source>& sources) {
    auto uri = s3client::parse_s3_uri(word);
    if (!uri) return base::fail(uri.error());
    if (!names_one_object(*uri)) {
        archive::Source& all_below = sources.emplace_back();
        all_below.bucket = uri->bucket;
        all_below.prefix = uri->key;
        all_below.include = words.include;
        all_below.exclude = words.exclude;
        return {};
    }
    std::string name = next_name < words.names.size() ? words.names[next_name] : "";
    ++next_name;
    if (sources.empty() || !sources.back().objects || sources.back().bucket != uri->bucket) {
        sources.emplace_back().bucket = uri->bucket;
        sources.back().objects.emplace();
    }
    sources.back().objects->push_back({uri->key, std::move(name), {}});
    return {};
}

base::Status add_manifest(const std::string& word, std::vector<archive::Source>& sources) {
    auto uri = s3client::parse_s3_uri(word);
    if (!uri) return base::fail(uri.error());
    if (!names_one_object(*uri)) {
        return bad("bad_manifest", fmt::format("--manifest {}: names no object; write "
                                               "s3://bucket/list.jsonl",
                                               word));
    }
    sources.emplace_back().manifest = {uri->bucket, uri->key, {}};
    return {};
}

struct SourceWord {
    std::string word;
    bool is_manifest;
};

// As they stand on the command line: entries come in that order.
std::vector<SourceWord> in_order(const CLI::App& command, const CreateWords& words) {
    std::vector<SourceWord> out;
    auto source = words.sources.begin();
    auto manifest = words.manifests.begin();
    for (const CLI::Option* option : command.parse_order()) {
        if (option->check_name("--manifest") && manifest != words.manifests.end())
            out.push_back({*manifest++, true});
        if (option->get_positional() && source != words.sources.end())
            out.push_back({*source++, false});
    }
    // CLI11 makes several of one word such as [a,b].
    for (; source != words.sources.end(); ++source) out.push_back({*source, false});
    return out;
}

// A pattern that is held against nothing would leave out nothing.
bool has_prefix(const std::vector<archive::Source>& sources) {
    return std::ranges::any_of(
        sources, [](const archive::Source& source) { return !source.objects && !source.manifest; });
}

base::Status add_sources(const std::vector<SourceWord>& sources, const CreateWords& words,
                         Arguments& a) {
    if (sources.empty()) return bad("no_sources", "a SOURCE or a --manifest is required");
    std::size_t objects = 0;
    for (const auto& [word, is_manifest] : sources) {
        auto added = is_manifest ? add_manifest(word, a.request.sources)
                                 : add_source(word, words, objects, a.request.sources);
        if (!added) return added;
    }
    if (words.names.size() > objects) {
        return bad("bad_name",
                   fmt::format("{} --name for {} single objects", words.names.size(), objects));
    }
    if (!(words.include.empty() && words.exclude.empty()) && !has_prefix(a.request.sources))
        return bad("bad_pattern", "--include and --exclude go with s3://bucket/prefix/");
    return {};
}

base::Status set_size(const std::string& word, std::uint64_t& size_bytes) {
    if (word.empty()) return {};
    const auto size = config::parse_byte_size(word);
    if (!size) return bad("bad_size", "'" + word + "' is not a size such as 8388608 or 8MiB");
    size_bytes = *size;
    return {};
}

base::Status check_notify(const Arguments& a, bool given) {
    if (!given) return {};
    if (auto url = s3client::parse_http_url(a.request.notify_url); !url)
        return bad(url.error().code, "--notify: " + url.error().detail);
    return a.local ? bad("bad_notify", "--notify is done by a daemon, not with --local")
                   : base::Status{};
}

base::Status understand(const CreateWords& words, const CLI::App& command, Arguments& a) {
    if (auto ok = check_notify(a, command.count("--notify") > 0); !ok) return ok;
    if (auto added = add_sources(in_order(command, words), words, a); !added) return added;
    const auto target = s3client::parse_s3_uri(words.output);
    if (!target) return base::fail(target.error());
    if (!names_one_object(*target)) {
        return bad("bad_output",
                   fmt::format("-o {}: names no object; write s3://bucket/key.zip", words.output));
    }
    a.request.destination.bucket = target->bucket;
    a.request.destination.key = target->key;
    if (auto ok = understand(words.store, a); !ok) return ok;
    Options& options = a.request.options;
    if (words.name_policy == "strict") options.names = zip::NamePolicy::strict;
    if (words.name_policy == "raw") options.names = zip::NamePolicy::raw;
    if (words.order == "key") options.order = archive::EntryOrder::key;
    if (words.on_duplicate == "rename") options.on_duplicate = archive::OnDuplicate::rename;
    if (words.on_missing == "skip") options.on_missing = archive::OnMissing::skip;
    if (options.list_missing && options.on_missing != archive::OnMissing::skip)
        return bad("bad_list_missing", "--list-missing goes with --on-missing skip");
    if (words.on_empty == "archive") options.on_empty = archive::OnEmpty::archive;
    if (words.timestamps == "fixed") options.timestamps = archive::Timestamps::fixed;
    if (auto status = set_size(words.part_size, options.part_size_bytes); !status) return status;
    if (!words.part_size.empty() && (options.part_size_bytes < config::kPartSizeMin ||
                                     options.part_size_bytes > config::kPartSizeMax)) {
        return bad("bad_size",
                   fmt::format("--part-size {}: S3 takes 5MiB to 5GiB", words.part_size));
    }
    return {};
}

base::Status understand(const VerifyWords& words, Arguments& a) {
    a.verify.check_names = words.names != "raw";
    if (!words.crc32.empty()) {
        std::uint32_t& crc = a.verify.expected_crc32.emplace();
        const char* const end = words.crc32.data() + words.crc32.size();
        const auto [stop, error] = std::from_chars(words.crc32.data(), end, crc, 16);
        if (words.crc32.size() != 8 || error != std::errc() || stop != end)
            return bad("bad_crc32", "--crc32 " + words.crc32 + ": 8 hex digits are due");
    }
    if (auto ok = understand(words.access, a.verify.access); !ok) return ok;
    if (!a.target.starts_with("s3://")) {
        a.verify.path = a.target;
        if (!a.verify.version_id.empty())
            return bad("bad_version", "--version-id: a file has no versions");
        if (a.verify.access != s3client::Access{} || !a.verify.role_arn.empty())
            return bad("bad_access", "a file has no owner, payer or key: these flags are S3's");
        return a.target.empty() ? bad("bad_archive", "ARCHIVE is empty") : base::Status{};
    }
    const auto uri = s3client::parse_s3_uri(a.target);
    if (!uri) return base::fail(uri.error());
    if (!names_one_object(*uri)) return bad("bad_archive", a.target + ": names no object");
    a.verify.bucket = uri->bucket;
    a.verify.key = uri->key;
    return {};
}

const CLI::Validator kJobId(
    [](std::string& id) {
        const bool good = !id.empty() && id.size() <= 64 &&
                          id.find_first_not_of(
                              "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") ==
                              std::string::npos;
        return good ? std::string() : "'" + printable(id) + "' is not the id of a job";
    },
    "ID");

// CLI11 reports everything that ends the parsing as an exception; it stays in here.
std::expected<void, Leave> run_parser(CLI::App& app, std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    try {
        app.parse(std::move(words));
    } catch (const CLI::CallForVersion& version) {
        return std::unexpected(Leave{kDone, std::string(version.what()) + "\n"});
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {  // --help
            return std::unexpected(Leave{kDone, app.help()});
        }
        return std::unexpected(
            Leave{kBadUsage, fmt::format("s3zip: {}\nTry: s3zip --help\n", error.what())});
    }
    return {};
}

}  // namespace

bool needs_no_daemon(const Arguments& arguments) {
    return arguments.local || arguments.command == Command::verify;
}

std::expected<Arguments, Leave> parse_arguments(std::vector<std::string> words) {
    Arguments a;
    CreateWords create_words;
    CLI::App app("Makes ZIP archives out of S3 objects, in S3.", "s3zip");
    app.set_version_flag("--version", "s3zip " S3ZIPD_VERSION);
    std::string token_file;
    add_daemon_options(app, a.daemon, token_file);
    app.add_flag("--json", a.json, "JSON on standard output");
    app.require_subcommand(1);
    app.fallthrough();

    const auto add = [&](const char* name, Command command, const char* what) {
        CLI::App* sub = app.add_subcommand(name, what);
        sub->callback([&a, command] { a.command = command; });
        return sub;
    };
    CLI::App* create = add("create", Command::create, "Make an archive");
    add_create_options(*create, a, create_words);
    create->add_flag("--wait", a.wait,
                     "Show the progress, return when it is done; Ctrl-C cancels it");
    CLI::App* plan = add("plan", Command::plan, "What create would do: size, requests, price");
    add_create_options(*plan, a, create_words);
    CLI::App* ls = add("ls", Command::ls, "List jobs, the newest first");
    ls->add_option("--state", a.state, "Only those in this state")
        ->check(CLI::IsMember(
            {"queued", "planning", "running", "finishing", "succeeded", "failed", "cancelled"}));
    ls->add_option("--limit", a.limit, "At most so many")
        ->check(CLI::Range(1U, kListLimitMax))
        ->capture_default_str();
    add("show", Command::show, "One job in full")
        ->add_option("ID", a.id)
        ->required()
        ->check(kJobId);
    add("watch", Command::watch, "Follow a job to its end")
        ->add_option("ID", a.id)
        ->required()
        ->check(kJobId);
    add("cancel", Command::cancel, "Stop a job")->add_option("ID", a.id)->required()->check(kJobId);
    VerifyWords verify_words;
    CLI::App* verify =
        add("verify", Command::verify, "Read an archive back and check every byte of it");
    add_verify_options(*verify, a, verify_words);
    add_engine_options(*verify, a, create_words);

    // Its value would stand in CLI11's message.
    if (std::ranges::any_of(words, [](const std::string& word) {
            return word == "--token" || word.starts_with("--token=");
        }))
        return std::unexpected(Leave{kBadUsage,
                                     "s3zip: there is no --token, which everybody on this machine "
                                     "could read; set S3ZIPD_TOKEN or --token-file FILE\n"});
    if (auto parsed = run_parser(app, std::move(words)); !parsed)
        return std::unexpected(parsed.error());
    base::Status status;
    if (!needs_no_daemon(a)) status = find_token(token_file, a.daemon, a.warnings);
    if (status && a.command == Command::create) status = understand(create_words, *create, a);
    if (status && a.command == Command::plan) status = understand(create_words, *plan, a);
    if (status) status = set_size(create_words.memory, a.settings.memory_bytes);
    if (status) status = set_size(create_words.plan_memory, a.settings.plan_memory_bytes);
    if (status && a.command == Command::verify) status = understand(verify_words, a);
    if (!status)
        return std::unexpected(
            Leave{kBadUsage, "s3zip: " + printable(status.error().detail) + "\n"});
    return a;
}

}  // namespace cli
