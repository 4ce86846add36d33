#include "daemon/journal_seal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace s3zipd {
namespace {

constexpr std::size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
int length(std::string_view text) { return static_cast<int>(text.size()); }

base::Error bad_key(const std::string& path, std::string_view what) {
    return {base::ErrorKind::corrupt,
            "journal_key",
            fmt::format("{} {}: jobs with keys of customers cannot be read without it; restore it "
                        "from a backup",
                        path, what),
            0,
            {},
            {}};
}

base::Error unavailable(const std::string& path) {
    return {base::ErrorKind::denied,
            "journal_unavailable",
            fmt::format("{}: {}", path, std::strerror(errno)),
            0,
            {},
            {}};
}

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int fd() const { return fd_; }

  private:
    const int fd_;
};

// Written under another name first, so that a file of this name is whole.
base::Status write_key(const std::string& path, std::string_view key) {
    const std::string draft = path + ".new";
    {
        const File file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (file.fd() < 0) return base::fail(unavailable(draft));
        if (::write(file.fd(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
            ::fsync(file.fd()) != 0)
            return base::fail(unavailable(draft));
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return base::fail(unavailable(path));
    const std::string directory = path.substr(0, path.rfind('/'));
    const File folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.fd() < 0 || ::fsync(folder.fd()) != 0) return base::fail(unavailable(directory));
    return {};
}

}  // namespace

JournalSeal::JournalSeal(const std::string& directory) : path_(directory + "/journal.key") {}

JournalSeal::~JournalSeal() { OPENSSL_cleanse(key_.data(), key_.size()); }

base::Status JournalSeal::load_key(bool may_make) {
    const std::lock_guard lock(mutex_);
    if (!key_.empty()) return {};
    std::array<char, kKeyBytes + 1> read_bytes{};
    {
        const File file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
        if (file.fd() >= 0) {
            const ssize_t count = ::read(file.fd(), read_bytes.data(), read_bytes.size());
            if (count != static_cast<ssize_t>(kKeyBytes))
                return base::fail(bad_key(path_, "does not hold a key"));
            key_.assign(read_bytes.data(), kKeyBytes);
            return {};
        }
    }
    if (errno != ENOENT) return base::fail(unavailable(path_));
    if (!may_make) return base::fail(bad_key(path_, "is missing"));
    std::string key(kKeyBytes, '\0');
    if (RAND_bytes(bytes(key), length(key)) != 1)
        return base::fail(base::ErrorKind::bug, "journal_seal", "OpenSSL gave no random bytes");
    if (auto written = write_key(path_, key); !written) return written;
    key_ = std::move(key);
    return {};
}

base::Result<std::string> JournalSeal::seal(std::string_view text, std::string_view about) {
    if (auto loaded = load_key(true); !loaded) return std::unexpected(loaded.error());
    // nonce, text, tag
    std::string sealed(kNonceBytes + text.size() + kTagBytes, '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    unsigned char* nonce = bytes(sealed);
    unsigned char* out = nonce + kNonceBytes;
    int count = 0;
    const bool done =
        RAND_bytes(nonce, kNonceBytes) == 1 &&
        EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key_), nonce) == 1 &&
        EVP_EncryptUpdate(cipher.get(), nullptr, &count, bytes(about), length(about)) == 1 &&
        EVP_EncryptUpdate(cipher.get(), out, &count, bytes(text), length(text)) == 1 &&
        EVP_EncryptFinal_ex(cipher.get(), out + text.size(), &count) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, out + text.size()) == 1;
    if (!done) return base::fail(base::ErrorKind::bug, "journal_seal", "OpenSSL could not encrypt");
    return sealed;
}

base::Result<std::string> JournalSeal::open(std::string_view sealed, std::string_view about) {
    if (auto loaded = load_key(false); !loaded) return std::unexpected(loaded.error());
    if (sealed.size() < kNonceBytes + kTagBytes)
        return base::fail(bad_key(path_, "does not fit what was sealed"));
    const std::string_view nonce = sealed.substr(0, kNonceBytes);
    const std::string_view body =
        sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
    std::string tag(sealed.substr(sealed.size() - kTagBytes));
    std::string text(body.size(), '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    int count = 0;
    unsigned char last = 0;
    const bool done =
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes(key_), bytes(nonce)) ==
            1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &count, bytes(about), length(about)) == 1 &&
        EVP_DecryptUpdate(cipher.get(), bytes(text), &count, bytes(body), length(body)) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, bytes(tag)) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), &last, &count) == 1;
    if (!done) return base::fail(bad_key(path_, "does not fit what was sealed"));
    return text;
}

}  // namespace s3zipd
