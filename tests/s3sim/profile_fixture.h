// A server that answers as some store does, and short forms of the requests that its rules concern.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "client.h"
#include "s3sim/profile.h"

namespace s3sim::test {

inline const std::string kPart(5 << 20, 'p');
inline constexpr std::string_view kCrc = "x-amz-checksum-crc32";

class ProfileTest : public ServerTest {
  protected:
    void like(std::string store, Options options = {}) {
        server.reset();
        options.like = std::move(store);
        start(std::move(options));
    }
    Answer put(std::string_view key, std::string_view bytes, Headers headers = {}) {
        return client->call("PUT", "/bkt/" + std::string(key), {}, bytes, std::move(headers));
    }
    Answer begin(Headers headers = {}) {
        return client->call("POST", "/bkt/z", "uploads=", {}, std::move(headers));
    }
    std::string begin_crc(std::string_view type = "FULL_OBJECT") {
        return begin({{"x-amz-checksum-algorithm", "CRC32"},
                      {"x-amz-checksum-type", std::string(type)}})
            .xml("UploadId");
    }
    Answer part(std::string_view id, int number, std::string_view body, Headers headers = {}) {
        return client->call("PUT", "/bkt/z", fmt::format("partNumber={}&uploadId={}", number, id),
                            body, std::move(headers));
    }
    Answer crc_part(std::string_view id, int number, std::string_view body) {
        return part(id, number, body, {{std::string(kCrc), crc_base64(body)}});
    }
    Answer copy(std::string_view id, int number, std::string_view source, Headers headers = {}) {
        headers.emplace_back("x-amz-copy-source", source);
        return part(id, number, {}, std::move(headers));
    }
    Answer complete(std::string_view id, const std::vector<std::string>& parts,
                    Headers headers = {}) {
        return client->call("POST", "/bkt/z", fmt::format("uploadId={}", id), complete_xml(parts),
                            std::move(headers));
    }
    // An upload without an algorithm, of parts of these sizes; gives Complete's answer.
    Answer upload(const std::vector<std::size_t>& sizes, Headers at_complete = {}) {
        const std::string id = begin().xml("UploadId");
        std::vector<std::string> parts;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            Answer sent = part(id, int(i) + 1, std::string(sizes[i], 'x'));
            parts.push_back(part_xml(int(i) + 1, sent.headers["etag"]));
        }
        return complete(id, parts, std::move(at_complete));
    }
    // An upload with CRC32 of two parts; gives Complete's answer.
    Answer crc_upload(std::string_view type, bool with_sums, Headers at_complete = {}) {
        const std::string id = begin_crc(type);
        const std::string etag1 = crc_part(id, 1, kPart).headers["etag"];
        const std::string etag2 = crc_part(id, 2, "end").headers["etag"];
        return complete(id,
                        {part_xml(1, etag1, with_sums ? crc_base64(kPart) : ""),
                         part_xml(2, etag2, with_sums ? crc_base64("end") : "")},
                        std::move(at_complete));
    }
    std::string crc_of(std::string_view key) {
        return client
            ->call("HEAD", "/bkt/" + std::string(key), {}, {}, {{"x-amz-checksum-mode", "ENABLED"}})
            .headers[std::string(kCrc)];
    }
};

}  // namespace s3sim::test
