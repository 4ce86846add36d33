// How the daemon is reached and who we are to it: the options and variables of all commands that
// speak to one. The token comes from a variable or a file, never from an argument: everybody on the
// machine can read those.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace CLI {
class App;
}

namespace cli {

struct DaemonAccess {
    // http://host[:port][/prefix], https://..., unix:/path
    std::string url = "http://127.0.0.1:8420";

    std::string token;             // visible ASCII; empty: none. Belongs in no text that is shown
    std::string token_source;      // where it is from: "S3ZIPD_TOKEN", "--token-file FILE"
    bool token_over_http = false;  // also where others can listen

    // PEM files, for https. Empty: the system's CAs; no certificate; the key is in the
    // certificate's file.
    std::string ca_file, client_cert_file, client_key_file;
};

// The options of `app`, and their variables. `access` and `token_file` outlive the parsing.
void add_daemon_options(CLI::App& app, DaemonAccess& access, std::string& token_file);

// The token: of `token_file` if that is not empty, else of S3ZIPD_TOKEN, else of the file that
// S3ZIPD_TOKEN_FILE names. A file that everybody can read is a warning. Errors: invalid
// "bad_token"; they say where it is from and nothing of what it is.
base::Status find_token(const std::string& token_file, DaemonAccess& access,
                        std::vector<std::string>& warnings);

// What to set after this answer of the daemon, as the rest of a sentence; empty: nothing.
// `problem_type` is the one of its body.
std::string access_hint(const DaemonAccess& access, unsigned status, std::string_view problem_type);

}  // namespace cli
