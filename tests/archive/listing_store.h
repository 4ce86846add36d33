// A store whose listings a test writes itself: bucket "src" has the objects of `objects`, and what
// lists it gets is up to a function. Takes one archive, put to any key of any bucket. One thread,
// one request a connection; it ends with the object.
#pragma once

#include <fmt/format.h>
#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "../s3client/fake_http.h"
#include "base/encoding.h"

namespace archive::test {

class ListingStore {
  public:
    struct Ask {
        std::string token;  // "" for page one
        std::string prefix;
    };
    // From what was asked to a whole HTTP answer. Called on the store's thread.
    using List = std::function<std::string(const Ask& ask)>;
    explicit ListingStore(List list, std::map<std::string, std::string> objects = {})
        : list_(std::move(list)),
          objects_(std::move(objects)),
          http_([this](const std::string& request) { return answer(request); }) {}

    std::string url() const { return http_.url(); }
    std::string archive() {  // the last one that was put
        const std::lock_guard lock(mutex_);
        return archive_;
    }
    std::size_t listed() {
        const std::lock_guard lock(mutex_);
        return listed_;
    }

    static std::string contents(const std::string& key, const std::string& etag = "e",
                                std::size_t size = 1) {
        return fmt::format(
            "<Contents><Key>{}</Key><LastModified>2026-01-02T03:04:05Z</LastModified>"
            "<ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
            key, etag, size);
    }
    static std::string page(const std::string& inner, const std::string& next_token = {}) {
        return s3client::FakeHttp::answer(
            200,
            fmt::format("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{}</IsTruncated>"
                        "{}{}</ListBucketResult>",
                        !next_token.empty(),
                        next_token.empty()
                            ? ""
                            : "<NextContinuationToken>" + next_token + "</NextContinuationToken>",
                        inner));
    }

  private:
    struct Asked {
        std::string method, path, query;
    };
    static Asked parse(const std::string& request) {
        const std::size_t method = request.find(' '), target = request.find(' ', method + 1);
        Asked asked;
        asked.method = request.substr(0, method);
        asked.path = request.substr(method + 1, target - method - 1);
        if (const std::size_t query = asked.path.find('?'); query != std::string::npos) {
            asked.query = asked.path.substr(query + 1);
            asked.path.resize(query);
        }
        return asked;
    }
    static std::string between(const std::string& text, std::string_view from,
                               std::string_view to) {
        const std::size_t at = text.find(from);
        if (at == std::string::npos) return {};
        const std::size_t begin = at + from.size();
        return text.substr(begin, std::min(text.find(to, begin), text.size()) - begin);
    }

    std::string answer(const std::string& request) {
        const std::lock_guard lock(mutex_);
        const Asked asked = parse(request);
        if (asked.query.contains("list-type=2")) {
            ++listed_;
            const std::string query = "&" + asked.query + "&";
            return list_(
                {between(query, "&continuation-token=", "&"), between(query, "&prefix=", "&")});
        }
        if (asked.method == "PUT") {
            archive_ = request.substr(request.find("\r\n\r\n") + 4);
            archive_path_ = asked.path;
            mark_ = between(request, "x-amz-meta-s3zipd-job: ", "\r\n");
            return "HTTP/1.1 200 OK\r\netag: \"put\"\r\ncontent-length: 0\r\n"
                   "connection: close\r\n\r\n";
        }
        if (asked.path == archive_path_) return object(request, asked, archive_, "put");
        constexpr std::string_view kSource = "/src/";
        if (asked.path.starts_with(kSource)) {
            const auto key = base::percent_decode(asked.path.substr(kSource.size()));
            const auto found = objects_.find(key ? *key : "");
            if (found != objects_.end()) return object(request, asked, found->second, "e");
        }
        return "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    }
    std::string object(const std::string& request, const Asked& asked, const std::string& bytes,
                       const std::string& etag) const {
        const std::string mark =
            etag == "put" && !mark_.empty() ? "x-amz-meta-s3zipd-job: " + mark_ + "\r\n" : "";
        const std::string common = fmt::format(
            "etag: \"{}\"\r\nlast-modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n{}connection: "
            "close\r\n",
            etag, mark);
        if (asked.method == "HEAD") {
            return fmt::format("HTTP/1.1 200 OK\r\n{}content-length: {}\r\n\r\n", common,
                               bytes.size());
        }
        const std::string range = between(request, "range: bytes=", "\r\n");
        const std::size_t begin = std::stoul(range),
                          end = std::stoul(range.substr(range.find('-') + 1));
        return fmt::format(
            "HTTP/1.1 206 Partial\r\n{}content-range: bytes {}-{}/{}\r\ncontent-length: "
            "{}\r\n\r\n{}",
            common, begin, end, bytes.size(), end - begin + 1,
            bytes.substr(begin, end - begin + 1));
    }

    const List list_;
    const std::map<std::string, std::string> objects_;
    std::mutex mutex_;
    std::string archive_, archive_path_, mark_;
    std::size_t listed_ = 0;
    s3client::FakeHttp http_;  // its thread uses all above
};

}  // namespace archive::test
