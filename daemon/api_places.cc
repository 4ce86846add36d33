#include "daemon/api_places.h"

#include <utility>

namespace s3zipd {

ApiPlaces::Place::~Place() {
    const std::lock_guard lock(places_.mutex_);
    if (gone_) return;
    if (waits_) places_.stop_waiting(*this);
    --places_.taken_;
    if (stranger_) --places_.strangers_;
}

void ApiPlaces::Place::wait(bool waits) {
    const std::lock_guard lock(places_.mutex_);
    if (gone_ || waits == waits_) return;
    waits ? places_.start_waiting(*this) : places_.stop_waiting(*this);
}

void ApiPlaces::Place::no_stranger() {
    const std::lock_guard lock(places_.mutex_);
    if (gone_ || !stranger_) return;
    const bool waits = waits_;
    if (waits) places_.stop_waiting(*this);
    stranger_ = false;
    --places_.strangers_;
    if (waits) places_.start_waiting(*this);
}

std::shared_ptr<ApiPlaces::Place> ApiPlaces::take(std::function<void()> put_out_hook) {
    const std::lock_guard lock(mutex_);
    if (strangers_ >= strangers_max_ && !put_out(waiting_strangers_)) return nullptr;
    if (taken_ >= max_ && !put_out(waiting_strangers_) && !put_out(waiting_known_)) return nullptr;
    std::shared_ptr<Place> place(new Place(*this));
    place->put_out_ = std::move(put_out_hook);
    ++taken_;
    ++strangers_;
    start_waiting(*place);
    return place;
}

bool ApiPlaces::put_out(Place::Waiting& waiting) {
    if (waiting.empty()) return false;
    Place& place = *waiting.front();
    stop_waiting(place);
    place.gone_ = true;
    --taken_;
    if (place.stranger_) --strangers_;
    ++put_out_total_;
    place.put_out_();
    return true;
}

void ApiPlaces::start_waiting(Place& place) {
    Place::Waiting& waiting = place.stranger_ ? waiting_strangers_ : waiting_known_;
    place.at_ = waiting.insert(waiting.end(), &place);
    place.waits_ = true;
}

void ApiPlaces::stop_waiting(Place& place) {
    (place.stranger_ ? waiting_strangers_ : waiting_known_).erase(place.at_);
    place.waits_ = false;
}

}  // namespace s3zipd
