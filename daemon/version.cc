#include "daemon/version.h"

namespace s3zipd {

const std::string_view kVersion = S3ZIPD_VERSION;
const std::string_view kCompiler = __VERSION__;

}  // namespace s3zipd
