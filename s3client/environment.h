// Environment variables behind a function, so that tests and the Lambda worker bring their own.
//
// A variable that is set but empty counts as not set, as in the AWS SDKs. process_environment()
// reads the process's own variables; it is thread-safe as long as nobody calls setenv, and we never
// do.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace s3client {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

Environment process_environment();
Environment fixed_environment(std::map<std::string, std::string, std::less<>> variables);

}  // namespace s3client
