// Reads text/event-stream
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream), in
// pieces split anywhere. Fields other than `event` and `data` and comment lines are passed over. An
// event of more than kEventMax_bytes is dropped, so that a peer cannot fill our memory.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace cli {

class EventStream {
  public:
    using OnEvent = std::function<void(std::string_view name, std::string_view data)>;
    static constexpr std::size_t kEventMax_bytes = 16 << 20;

    explicit EventStream(OnEvent on_event) : on_event_(std::move(on_event)) {}
    void feed(std::string_view bytes);

  private:
    void end_line();
    void dispatch();

    OnEvent on_event_;
    std::string line_, name_, data_;
    bool after_cr_ = false;
    bool too_long_ = false;
};

}  // namespace cli
