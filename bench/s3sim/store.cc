#include "s3sim/store.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace s3sim {
bool valid_bucket_name(std::string_view name) {
    if (name.size() < 3 || name.size() > 63) return false;
    const auto alphanumeric = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    };
    if (!alphanumeric(name.front()) || !alphanumeric(name.back())) return false;
    return std::ranges::all_of(name,
                               [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; }) &&
           name.find("..") == std::string_view::npos;
}

Store::Store(std::string root, std::uint64_t max_memory_bytes)
    : root_(std::move(root)), budget_(make_memory_budget(max_memory_bytes)) {}

base::Status Store::prepare() {
    if (root_.empty()) return {};
    std::error_code error;
    for (const char* folder : {"tmp", "meta", "escaped"}) {
        std::filesystem::create_directories(root_ + "/.s3sim/" + folder, error);
        if (error) {
            return base::fail(base::ErrorKind::invalid, "bad_root", root_ + ": " + error.message());
        }
    }
    // Parts of uploads that an earlier run left open.
    for (const auto& entry : std::filesystem::directory_iterator(root_ + "/.s3sim/tmp", error)) {
        std::filesystem::remove(entry.path(), error);
    }
    return {};
}

std::shared_ptr<Bucket> Store::bucket(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    if (const auto at = buckets_.find(name); at != buckets_.end()) return at->second;
    if (root_.empty() || !valid_bucket_name(name)) return nullptr;
    const std::string folder = root_ + "/" + std::string(name);
    struct stat info{};  // a link is no bucket: nothing is read or written outside of root_
    if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return nullptr;
    auto made = make_directory_bucket(root_, std::string(name));
    if (!made) return nullptr;
    (*made)->created = std::chrono::sys_seconds(std::chrono::seconds(info.st_ctime));
    return buckets_.emplace(name, *made).first->second;
}

Answered<void> Store::create_bucket(std::string_view name, base::UtcTime now) {
    if (!valid_bucket_name(name))
        return refuse("InvalidBucketName", {{"BucketName", std::string(name)}});
    if (bucket(name)) return refuse("BucketAlreadyOwnedByYou", {{"BucketName", std::string(name)}});
    if (root_.empty()) {
        auto made = make_memory_bucket(budget_);
        made->created = now;
        add_bucket(name, std::move(made));
        return {};
    }
    if (::mkdir((root_ + "/" + std::string(name)).c_str(), 0755) != 0) {
        return refuse(500, "InternalError", std::string("mkdir: ") + std::strerror(errno));
    }
    return {};
}

Answered<void> Store::delete_bucket(std::string_view name) {
    const auto found = bucket(name);
    if (!found) return refuse("NoSuchBucket", {{"BucketName", std::string(name)}});
    if (!found->is_empty()) return refuse("BucketNotEmpty", {{"BucketName", std::string(name)}});
    const std::scoped_lock lock(mutex_);
    found->discard();
    if (const auto at = buckets_.find(name); at != buckets_.end()) buckets_.erase(at);
    return {};
}

void Store::add_bucket(std::string_view name, std::shared_ptr<Bucket> bucket) {
    const std::scoped_lock lock(mutex_);
    buckets_.insert_or_assign(std::string(name), std::move(bucket));
}

std::vector<std::pair<std::string, base::UtcTime>> Store::buckets() {
    if (!root_.empty()) {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(root_, error)) {
            if (entry.is_directory(error)) bucket(entry.path().filename().string());
        }
    }
    const std::scoped_lock lock(mutex_);
    std::vector<std::pair<std::string, base::UtcTime>> names;
    for (const auto& [name, bucket] : buckets_) names.emplace_back(name, bucket->created);
    return names;
}

void Store::add_upload(UploadRef upload) {
    const std::scoped_lock lock(mutex_);
    uploads_.emplace(std::pair(upload->bucket_name + "/" + upload->key, upload->id), upload);
}

UploadRef Store::upload(std::string_view bucket, std::string_view key, std::string_view id) {
    const std::scoped_lock lock(mutex_);
    const auto at =
        uploads_.find(std::pair(std::string(bucket) + "/" + std::string(key), std::string(id)));
    return at == uploads_.end() ? nullptr : at->second;
}

void Store::remove_upload(const Upload& upload) {
    const std::scoped_lock lock(mutex_);
    uploads_.erase(std::pair(upload.bucket_name + "/" + upload.key, upload.id));
}

std::vector<UploadRef> Store::uploads(std::string_view bucket) {
    const std::scoped_lock lock(mutex_);
    std::vector<UploadRef> found;
    for (const auto& [name, upload] : uploads_) {
        if (bucket.empty() || upload->bucket_name == bucket) found.push_back(upload);
    }
    return found;
}

std::uint64_t Store::upload_count() {
    const std::scoped_lock lock(mutex_);
    return uploads_.size();
}

}  // namespace s3sim
