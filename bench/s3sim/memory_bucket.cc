// The bucket in memory, with versions once they are asked for; and the sink, which is one without
// bytes.
#include <algorithm>
#include <map>
#include <mutex>

#include "base/random.h"
#include "s3sim/bucket.h"

namespace s3sim {
namespace {

// 32 letters, digits, dots and underscores, as S3's are.
std::string make_version_id() {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    thread_local base::Random random = base::Random::from_system();
    std::string id;
    while (id.size() < 32) {
        std::uint64_t word = random.next();
        for (int i = 0; i < 8; ++i, word >>= 6) id += kAlphabet[word % kAlphabet.size()];
    }
    return id;
}

// All versions of one key, the newest last; never empty.
using History = std::vector<ObjectRef>;

History::iterator find_in(History& history, std::string_view version_id) {
    return std::ranges::find_if(
        history, [&](const ObjectRef& object) { return shown_version(*object) == version_id; });
}

class MemoryBucket : public Bucket {
  public:
    explicit MemoryBucket(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}

    ObjectRef find(std::string_view key) override {
        ObjectRef newest = find_version(key, "");
        return newest && newest->delete_marker ? nullptr : newest;
    }
    ObjectRef find_version(std::string_view key, std::string_view version_id) override {
        const std::scoped_lock lock(mutex_);
        const auto at = keys_.find(key);
        if (at == keys_.end()) return nullptr;
        if (version_id.empty()) return at->second.back();
        const auto found = find_in(at->second, version_id);
        return found == at->second.end() ? nullptr : *found;
    }

    Answered<std::string> put(std::string_view key, Object object,
                              const PutCondition& condition) override {
        object.generation = next_generation();
        ObjectRef replaced;  // freed when the lock is gone
        const std::scoped_lock lock(mutex_);
        const auto at = keys_.find(key);
        const Object* existing = at == keys_.end() ? nullptr : at->second.back().get();
        if (existing != nullptr && existing->delete_marker) existing = nullptr;
        if (auto ok = check_put(condition, existing); !ok)
            return std::unexpected(std::move(ok.error()));
        return add(key, std::move(object), replaced);
    }

    Answered<Removed> remove(std::string_view key, std::string_view version_id,
                             base::UtcTime now) override {
        ObjectRef gone;
        const std::scoped_lock lock(mutex_);
        if (version_id.empty() && versioning_ != Versioning::off) {
            Object marker;
            marker.delete_marker = true;
            marker.last_modified = now;
            marker.generation = next_generation();
            const std::string id = add(key, std::move(marker), gone);
            return Removed{true, id.empty() ? std::string(kNullVersion) : id, true};
        }
        Removed removed{false, std::string(version_id), false};
        const auto at = keys_.find(key);
        if (at == keys_.end()) return removed;
        History& history = at->second;
        const auto version = find_in(history, version_id.empty() ? kNullVersion : version_id);
        if (version == history.end()) return removed;
        removed.found = true;
        removed.delete_marker = (*version)->delete_marker;
        gone = *version;
        history.erase(version);
        if (history.empty()) keys_.erase(at);
        return removed;
    }

    void amend(std::string_view key, std::string_view version_id,
               const std::function<void(Object&)>& change) override {
        const std::scoped_lock lock(mutex_);
        const auto at = keys_.find(key);
        if (at == keys_.end()) return;
        const auto version =
            version_id.empty() ? at->second.end() - 1 : find_in(at->second, version_id);
        if (version == at->second.end()) return;
        auto changed = std::make_shared<Object>(**version);
        change(*changed);
        *version = std::move(changed);
    }

    bool is_empty() override {
        const std::scoped_lock lock(mutex_);
        return keys_.empty();
    }
    bool next(std::string_view from, bool inclusive, Entry& entry) override {
        const std::scoped_lock lock(mutex_);
        auto at = inclusive ? keys_.lower_bound(from) : keys_.upper_bound(from);
        while (at != keys_.end() && at->second.back()->delete_marker) ++at;
        if (at == keys_.end()) return false;
        entry = entry_of(at->first, *at->second.back());
        return true;
    }
    bool next_history(std::string_view from, bool inclusive, std::string& key,
                      std::vector<ObjectRef>& versions) override {
        const std::scoped_lock lock(mutex_);
        const auto at = inclusive ? keys_.lower_bound(from) : keys_.upper_bound(from);
        if (at == keys_.end()) return false;
        key = at->first;
        versions.assign(at->second.rbegin(), at->second.rend());
        return true;
    }

    base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t size) override {
        return make_memory_writer(budget_, size);
    }
    base::Result<Stored> join(std::span<const Stored> parts) override {
        std::vector<std::shared_ptr<const Body>> bodies;
        for (const Stored& part : parts) bodies.push_back(part.body);
        return Stored{std::make_shared<MemoryBody>(bodies), nullptr};
    }

    Versioning versioning() override {
        const std::scoped_lock lock(mutex_);
        return versioning_;
    }
    Answered<void> set_versioning(Versioning wanted) override {
        const std::scoped_lock lock(mutex_);
        versioning_ = wanted;
        return {};
    }

  private:
    // Makes it the newest version. But for enabled versioning it is the null version and takes the
    // place of the one before, which goes to `replaced`.
    std::string add(std::string_view key, Object object, ObjectRef& replaced) {
        if (versioning_ == Versioning::enabled) object.version_id = make_version_id();
        std::string id = object.version_id;
        auto at = keys_.find(key);
        if (at == keys_.end()) at = keys_.emplace(key, History()).first;
        History& history = at->second;
        if (id.empty()) {
            if (const auto old = find_in(history, kNullVersion); old != history.end()) {
                replaced = *old;
                history.erase(old);
            }
        }
        history.push_back(std::make_shared<const Object>(std::move(object)));
        return id;
    }

    std::shared_ptr<MemoryBudget> budget_;
    std::mutex mutex_;
    Versioning versioning_ = Versioning::off;
    std::map<std::string, History, std::less<>> keys_;
};

class SinkBucket final : public MemoryBucket {
  public:
    SinkBucket() : MemoryBucket(make_memory_budget(0)) {}
    base::Result<std::unique_ptr<BodyWriter>> make_writer(std::uint64_t) override {
        return make_discarding_writer();
    }
    base::Result<Stored> join(std::span<const Stored>) override { return Stored{}; }
    Answered<void> set_versioning(Versioning wanted) override {
        return Bucket::set_versioning(wanted);
    }
};

}  // namespace

std::shared_ptr<Bucket> make_memory_bucket(std::shared_ptr<MemoryBudget> budget) {
    return std::make_shared<MemoryBucket>(std::move(budget));
}
std::shared_ptr<Bucket> make_sink_bucket() { return std::make_shared<SinkBucket>(); }

}  // namespace s3sim
