// A folder of the test's own, gone with this object and all that is in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace s3zipd {

class TempFolder {
  public:
    TempFolder() { CHECK(::mkdtemp(path_.data()) != nullptr); }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_ = "/tmp/s3zipd-test-XXXXXX";
};

}  // namespace s3zipd
