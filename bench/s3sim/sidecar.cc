#include "s3sim/sidecar.h"

#include <fmt/format.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/encoding.h"
#include "s3sim/numbers.h"

namespace s3sim {
namespace {

std::string milliseconds_text(base::UtcTime time) {
    return std::to_string(time.time_since_epoch().count());
}
base::UtcTime time_at(std::uint64_t milliseconds) {
    return base::UtcTime(std::chrono::milliseconds(milliseconds));
}

std::string to_text(std::string_view key, const FileStamp& stamp, const Object& object) {
    std::string text;
    const auto line = [&](std::string_view name, std::string_view value) {
        fmt::format_to(std::back_inserter(text), "{} {}\n", name,
                       base::percent_encode(value, true));
    };
    line("size", std::to_string(stamp.size));
    line("changed-ns", std::to_string(stamp.changed_ns));
    line("key", key);
    line("etag", object.etag);
    line("content-type", object.content_type);
    line("storage-class", object.storage_class);
    line("archive-status", object.archive_status);
    if (object.restore) {
        line("restore-ready", milliseconds_text(object.restore->ready));
        line("restore-expires", milliseconds_text(object.restore->expires));
    }
    line("tagging", object.tagging);
    line("checksum-algorithm", object.checksum.algorithm);
    line("checksum-type", object.checksum.type);
    line("checksum-value", object.checksum.value);
    if (object.crc32) line("crc32", std::to_string(*object.crc32));
    for (const auto& [name, value] : object.headers) line("header:" + name, value);
    for (const std::uint64_t size : object.part_sizes) line("part", std::to_string(size));
    return text;
}

void take_line(std::string_view name, std::string value, FileStamp& stamp, std::string& key,
               Object& object) {
    const std::uint64_t number = parse_number(value).value_or(0);
    if (name == "size")
        stamp.size = number;
    else if (name == "changed-ns")
        stamp.changed_ns = static_cast<std::int64_t>(number);
    else if (name == "key")
        key = std::move(value);
    else if (name == "etag")
        object.etag = std::move(value);
    else if (name == "content-type")
        object.content_type = std::move(value);
    else if (name == "storage-class")
        object.storage_class = std::move(value);
    else if (name == "archive-status")
        object.archive_status = std::move(value);
    else if (name == "restore-ready")
        object.restore.emplace().ready = time_at(number);
    else if (name == "restore-expires" && object.restore)
        object.restore->expires = time_at(number);
    else if (name == "tagging")
        object.tagging = std::move(value);
    else if (name == "checksum-algorithm")
        object.checksum.algorithm = std::move(value);
    else if (name == "checksum-type")
        object.checksum.type = std::move(value);
    else if (name == "checksum-value")
        object.checksum.value = std::move(value);
    else if (name == "crc32")
        object.crc32 = static_cast<std::uint32_t>(number);
    else if (name == "part")
        object.part_sizes.push_back(number);
    else if (name.starts_with("header:"))
        object.headers.emplace_back(name.substr(7), std::move(value));
}

}  // namespace

FileStamp stamp_of(const struct stat& info) {
    return {static_cast<std::uint64_t>(info.st_size),
            static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
}

base::Status write_sidecar(const std::string& path, const std::string& temp_folder,
                           std::string_view key, const FileStamp& stamp, const Object& object) {
    int fd = -1;
    auto file = TempFile::create(temp_folder, fd);
    if (!file) return std::unexpected(file.error());
    const std::string text = to_text(key, stamp, object);
    const ssize_t n = ::write(fd, text.data(), text.size());
    ::close(fd);
    if (n != static_cast<ssize_t>(text.size())) {
        return base::fail(base::ErrorKind::exhausted, "io_error", path + " cannot be written");
    }
    return (*file)->move_to(path);
}

std::optional<std::pair<std::string, Object>> read_sidecar(const std::string& path,
                                                           const FileStamp& stamp) {
    std::ifstream in(path);
    if (!in) return std::nullopt;
    FileStamp written_for;
    std::string key;
    Object object;
    std::string line;
    while (std::getline(in, line)) {
        const auto space = line.find(' ');
        if (space == std::string::npos) return std::nullopt;
        auto value = base::percent_decode(std::string_view(line).substr(space + 1));
        if (!value) return std::nullopt;
        take_line(std::string_view(line).substr(0, space), std::move(*value), written_for, key,
                  object);
    }
    if (written_for != stamp) return std::nullopt;
    return std::pair(std::move(key), std::move(object));
}

}  // namespace s3sim
