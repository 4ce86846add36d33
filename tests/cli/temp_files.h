// Files of a test, in a folder that goes with this object.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "../daemon/temp_folder.h"
#include "../io/tls_peer.h"

namespace cli_test {

class TempFiles {
  public:
    std::string path(const std::string& name) const { return folder_ / name; }
    // Its path. Readable by us only, unless `mode` says otherwise.
    std::string write(const std::string& name, const std::string& text,
                      unsigned mode = 0600) const {
        std::ofstream(path(name), std::ios::binary) << text;
        std::filesystem::permissions(path(name), static_cast<std::filesystem::perms>(mode));
        return path(name);
    }
    std::string certificate(const std::string& name, const io::Identity& identity) const {
        std::FILE* file = std::fopen(path(name).c_str(), "w");
        EXPECT_EQ(PEM_write_X509(file, identity.certificate.get()), 1);
        std::fclose(file);
        return path(name);
    }
    std::string key(const std::string& name, const io::Identity& identity) const {
        std::FILE* file = std::fopen(path(name).c_str(), "w");
        EXPECT_EQ(
            PEM_write_PrivateKey(file, identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr),
            1);
        std::fclose(file);
        return path(name);
    }

  private:
    s3zipd::TempFolder folder_;
};

}  // namespace cli_test
