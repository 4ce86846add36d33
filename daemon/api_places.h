// The places of connections: how many there may be, and who goes when there is no room.
//
// A connection begins as a stranger and stops being one with its first request that may be
// answered (whose token is right, where there are tokens). Strangers have few places, so that what
// they hold of memory is small whatever they do; one more puts out the stranger that has waited
// longest for a request to be whole. So those who open connections and say nothing, or too slowly,
// put out each other, and who has something to say gets in. Where known ones take all places, the
// one that has waited longest goes. To wait is also not to read: a connection waits for its client
// while its answer is written, but never while the answer is being made. Watchers of events do not
// wait; they have a bound of their own.
//
// Thread-safe. A Place may outlive nothing of this.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace s3zipd {

class ApiPlaces {
  public:
    class Place {
      public:
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        // It waits for its client, to send or to read, and may be put out; or no longer. Begins so.
        void wait(bool waits);
        void no_stranger();

      private:
        friend class ApiPlaces;
        using Waiting = std::list<Place*>;
        explicit Place(ApiPlaces& places) : places_(places) {}
        ApiPlaces& places_;
        std::function<void()> put_out_;
        bool stranger_ = true, waits_ = false, gone_ = false;
        Waiting::iterator at_;  // where it waits
    };

    ApiPlaces(std::size_t max, std::size_t strangers_max, std::atomic<std::size_t>& taken,
              std::atomic<std::uint64_t>& put_out)
        : max_(max), strangers_max_(strangers_max), taken_(taken), put_out_total_(put_out) {}

    // `put_out` closes the connection, from any thread, and may only post. nullptr: no room.
    std::shared_ptr<Place> take(std::function<void()> put_out);

  private:
    bool put_out(Place::Waiting& waiting);
    void start_waiting(Place& place);
    void stop_waiting(Place& place);

    const std::size_t max_, strangers_max_;
    std::atomic<std::size_t>& taken_;  // written under the lock
    std::atomic<std::uint64_t>& put_out_total_;
    std::mutex mutex_;
    std::size_t strangers_ = 0;
    Place::Waiting waiting_strangers_, waiting_known_;  // longest first
};

}  // namespace s3zipd
