// StoreSupport: which optional parts of the S3 protocol one endpoint supports.
//
// Stores refuse or ignore checksum headers, conditional requests and newer attributes, each in its
// own words. A refusal is recognised by its status (400, 403, 501) and confirmed by sending the
// same request without the header: only if that succeeds is the header left out from then on. Each
// decision is logged once. AWS supports all of it and is never downgraded.
//
// Thread-safe: shared by the clients of all reactors that talk to the endpoint.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "s3client/request.h"

namespace s3client {

// A header, or a group of headers, that a store may refuse.
enum class Feature : std::uint8_t {
    read_checksums,      // x-amz-checksum-mode on GET and HEAD
    list_attributes,     // x-amz-optional-object-attributes on ListObjectsV2
    if_match,            // If-Match on GET
    write_checksums,     // x-amz-checksum-crc32 on PutObject and UploadPart
    upload_checksums,    // x-amz-checksum-algorithm at CreateMultipartUpload
    full_object,         // x-amz-checksum-type: FULL_OBJECT there
    put_condition,       // If-None-Match on PutObject
    complete_condition,  // If-None-Match on CompleteMultipartUpload
};
inline constexpr std::size_t kFeatureCount = 8;
std::string_view to_string(Feature feature);  // as in the log and the metric
// The names of the headers, in lower case.
std::vector<std::string_view> headers_of(Feature feature);

// What an upload's checksums are: of the whole object, of its parts only, or none.
enum class ChecksumMode : std::uint8_t { full_object, composite, none };

// What CompleteMultipartUpload carries. Stores differ in what they demand and in what they refuse.
struct CompleteForm {
    bool part_checksums = false;  // <ChecksumCRC32> of each part
    bool full_object = false;     // x-amz-checksum-crc32, x-amz-checksum-type, x-amz-mp-object-size
    bool operator==(const CompleteForm&) const = default;
};

class StoreSupport {
  public:
    enum class State : std::uint8_t { unknown, accepted, refused };
    // Whether the store checks the checksums that it is sent: it repeats those that it has checked.
    enum class Checking : std::uint8_t { unknown, checked, ignored };

    // `endpoint` for the log. aws: everything is supported.
    StoreSupport(std::string endpoint, bool aws);

    State state(Feature feature) const;
    bool may_use(Feature feature) const { return state(feature) != State::refused; }
    void accept(Feature feature);
    // The store took a request without this feature that it had refused with it. `named`: the
    // refusal named a header of the feature; without that two refusals are needed.
    void refuse(Feature feature, bool named);
    // Counts what was found out so far: refusals, and forms of Complete.
    std::uint64_t lessons() const { return lessons_.load(std::memory_order_relaxed); }
    // A setting: never used.
    void forbid(Feature feature);

    Checking checking() const { return checking_.load(std::memory_order_relaxed); }
    void note_checking(bool checked);

    // A conditional write was refused because the key existed: the store enforces conditions.
    void note_enforced(Feature condition);
    bool enforces(Feature condition) const;

    // The forms of Complete to try for an upload, in order; the one that worked before is first.
    std::vector<CompleteForm> complete_forms(ChecksumMode mode, bool checked) const;
    void note_complete_form(ChecksumMode mode, CompleteForm form);

  private:
    void log_refusal(Feature feature) const;
    static constexpr std::size_t index(Feature feature) {
        return static_cast<std::size_t>(feature);
    }

    const std::string endpoint_;
    const bool aws_;
    std::array<std::atomic<State>, kFeatureCount> states_{};
    std::array<std::atomic<std::uint8_t>, kFeatureCount> unnamed_refusals_{};
    std::array<std::atomic<bool>, kFeatureCount> enforced_{};
    std::atomic<std::uint64_t> lessons_{0};
    std::atomic<Checking> checking_{Checking::unknown};
    static constexpr std::uint8_t kNoForm = 0xff;
    std::array<std::atomic<std::uint8_t>, 3> forms_{kNoForm, kNoForm, kNoForm};  // by ChecksumMode
};

// True if this failure can mean that the store does not support something optional that the request
// carried. False for everything that has another known cause, in particular for data that differs
// from its checksum.
bool may_be_refusal(const base::Error& error);
// The failure names a header of the feature.
bool names(const base::Error& error, Feature feature);
bool carries(Feature feature, const HttpRequest& request);
void drop(Feature feature, HttpRequest& request);

}  // namespace s3client
