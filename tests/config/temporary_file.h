// A file in the temporary folder, gone with the object.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <string>

namespace config {

class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& text = {}) {
        path_ = testing::TempDir() + "s3zipd-config-XXXXXX";
        const int fd = mkstemp(path_.data());  // 0600
        if (fd >= 0) close(fd);
        write(text);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { unlink(path_.c_str()); }

    const std::string& write(const std::string& text) {
        std::ofstream(path_, std::ios::binary) << text;
        return path_;
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

}  // namespace config
