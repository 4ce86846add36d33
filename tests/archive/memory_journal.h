// A journal of one job that lives in memory, for tests of resumption.
#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "archive/job_record.h"
#include "archive/manifest_codec.h"

namespace archive::test {

// A journal in memory. Thread-safe.
class Memory final : public JobRecorder {
  public:
    base::Result<JobHistory> history(const ArchiveRequest& request) override {
        const std::lock_guard lock(mutex_);
        JobHistory history;
        if (!planned_) return history;
        ManifestDecoder decoder(request);
        for (const std::string& chunk : manifest_) {
            if (auto added = decoder.add(chunk); !added) return std::unexpected(added.error());
        }
        history.manifest = *decoder.finish();
        history.plan = plan_;
        history.uploads_begun = uploads;
        history.upload = upload;
        for (const auto& [number, record] : parts) history.parts.push_back(record);
        return history;
    }
    std::optional<ArchiveResult> find_archive(const std::string& fingerprint,
                                              const std::string& bucket) override {
        const std::lock_guard lock(mutex_);
        if (!earlier || earlier->fingerprint != fingerprint || earlier->bucket != bucket)
            return std::nullopt;
        return earlier;
    }
    void planned(PlanRecord plan, std::vector<std::string> manifest, Done done) override {
        {
            const std::lock_guard lock(mutex_);
            planned_ = true;
            plan_ = std::move(plan);
            manifest_ = std::move(manifest);
            parts.clear();
        }
        done();
    }
    void upload_begins(Done done) override {
        ++begins;
        done();
    }
    void upload_begun(UploadRecord record, Done done) override {
        {
            const std::lock_guard lock(mutex_);
            ++uploads;
            upload = std::move(record);
        }
        done();
    }
    void upload_over(std::string upload_id) override {
        const std::lock_guard lock(mutex_);
        if (upload && upload->upload_id == upload_id) upload.reset();
    }
    void part_ready(PartRecord part, Done done) override {
        {
            const std::lock_guard lock(mutex_);
            parts[part.part.number] = std::move(part);
        }
        done();
    }
    void part_stored(std::uint32_t number, std::string etag) override {
        const std::lock_guard lock(mutex_);
        parts[number].part.etag = std::move(etag);
    }
    PlanRecord& plan() { return plan_; }

    std::optional<ArchiveResult> earlier;
    std::atomic<unsigned> begins{0};
    unsigned uploads = 0;
    std::optional<UploadRecord> upload;
    std::map<std::uint32_t, PartRecord> parts;

  private:
    std::mutex mutex_;
    bool planned_ = false;
    PlanRecord plan_;
    std::vector<std::string> manifest_;
};

}  // namespace archive::test
