// Manifests and plans over objects that exist as a seed only, for tests of plan and board. Nothing
// talks to S3 here.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/plan.h"
#include "base/random.h"
#include "entries.h"

namespace archive::test {

class RandomObjects {
  public:
    explicit RandomObjects(std::vector<std::uint64_t> sizes) : sizes_(std::move(sizes)) {}
    // At most some 120 MiB, with sizes around those of parts.
    RandomObjects(std::uint64_t seed, std::uint64_t around) { fill(seed, around, 80'000'000); }
    // No more are added once they have `total_max` bytes.
    static RandomObjects of_total(std::uint64_t seed, std::uint64_t around,
                                  std::uint64_t total_max) {
        RandomObjects objects(std::vector<std::uint64_t>{});
        objects.fill(seed, around, total_max);
        return objects;
    }
    std::uint64_t count() const { return sizes_.size(); }
    std::uint64_t size(std::uint64_t i) const { return sizes_[i]; }
    std::string key(std::uint64_t i) const { return "objects/" + std::to_string(i); }

  private:
    void fill(std::uint64_t seed, std::uint64_t around, std::uint64_t total_max) {
        base::Random random(seed);
        std::uint64_t total = 0;
        const std::uint64_t count = 1 + random.below(60);
        for (std::uint64_t i = 0; i < count && total < total_max; ++i) {
            const std::uint64_t kind = random.below(10);
            sizes_.push_back(kind == 0   ? 0
                             : kind < 5  ? random.below(5000)
                             : kind == 5 ? around / 2 - 100 + random.below(120)
                             : kind == 6 ? around / 2
                             : kind == 7 ? random.below(around * 4)
                                         : random.below(around / 2));
            total += sizes_.back();
        }
    }
    std::vector<std::uint64_t> sizes_;
};

inline ArchiveRequest empty_request() {
    ArchiveRequest request;
    request.sources.emplace_back().bucket = "src";
    request.options.on_empty = OnEmpty::archive;
    return request;
}

inline std::shared_ptr<const Manifest> made_manifest(const RandomObjects& objects) {
    Selection selection({});
    for (std::uint64_t i = 0; i < objects.count(); ++i) {
        const std::string key = objects.key(i);
        FoundObject found;
        found.key = key;
        found.etag = "0123456789abcdef";
        found.size = objects.size(i);
        EXPECT_TRUE(selection.add("src", found, {}));
    }
    auto manifest = Manifest::make(std::move(selection), empty_request());
    EXPECT_TRUE(manifest.has_value());
    return *manifest;
}

inline std::shared_ptr<const Plan> plan_of(const RandomObjects& objects, PlanOptions options) {
    auto plan = Plan::make(made_manifest(objects), {}, options);
    EXPECT_TRUE(plan.has_value());
    return *plan;
}

}  // namespace archive::test
