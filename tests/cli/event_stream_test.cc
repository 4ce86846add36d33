#include "cli/event_stream.h"

#include <gtest/gtest.h>
#include <vector>

namespace {

using Events = std::vector<std::pair<std::string, std::string>>;

Events parse(const std::vector<std::string>& pieces) {
    Events out;
    cli::EventStream stream(
        [&](std::string_view name, std::string_view data) { out.emplace_back(name, data); });
    for (const std::string& piece : pieces) stream.feed(piece);
    return out;
}

constexpr std::string_view kStream =
    ": hello\n\nevent: progress\ndata: {\"a\":1}\nid: 7\n\r\n"
    "event:state\r\ndata:x\r\ndata: y\r\n\r\n"
    "data\n\nevent: only\n\ndata: last\n\n";
const Events kEvents = {{"progress", "{\"a\":1}"}, {"state", "x\ny"}, {"message", "last"}};

TEST(EventStream, WholeStream) { EXPECT_EQ(parse({std::string(kStream)}), kEvents); }

TEST(EventStream, SplitAtEveryByte) {
    for (std::size_t at = 0; at <= kStream.size(); ++at) {
        EXPECT_EQ(parse({std::string(kStream.substr(0, at)), std::string(kStream.substr(at))}),
                  kEvents)
            << at;
    }
}

TEST(EventStream, AnUnfinishedEventIsNoEvent) { EXPECT_EQ(parse({"data: x\n"}), Events{}); }

TEST(EventStream, AnEventThatIsTooLongIsDropped) {
    const std::string half(cli::EventStream::kEventMax_bytes / 2 + 10, 'x');
    EXPECT_EQ(parse({"data: " + half + "\ndata: " + half + "\n\n", "data: next\n\n"}),
              (Events{{"message", "next"}}));
    EXPECT_EQ(parse({"data: " + half, half, "\n\ndata: next\n\n"}), (Events{{"message", "next"}}));
}

}  // namespace
