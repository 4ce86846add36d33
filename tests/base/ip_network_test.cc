#include "base/ip_network.h"

#include <gtest/gtest.h>
#include <string>

namespace base {
namespace {

TEST(IpAddress, ReadsTheUsualNotation) {
    EXPECT_EQ(parse_ip_address("127.0.0.1"), IpAddress::v4(0x7F000001));
    EXPECT_EQ(parse_ip_address("255.255.255.255"), IpAddress::v4(0xFFFFFFFF));
    EXPECT_EQ(parse_ip_address("::ffff:127.0.0.1"), IpAddress::v4(0x7F000001));
    EXPECT_EQ(parse_ip_address("::FFFF:7f00:1"), IpAddress::v4(0x7F000001));
    EXPECT_EQ(parse_ip_address("::"), IpAddress{});
    const IpAddress example{{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x1f}};
    for (const char* text : {"2001:db8::1:0:0:1f", "2001:db8:0:0:1::1f", "2001:0DB8:0:0:1:0:0:1F",
                             "2001:db8::1:0:0.0.0.31"}) {
        EXPECT_EQ(parse_ip_address(text), example) << text;
    }
    EXPECT_EQ(parse_ip_address("1::"), (IpAddress{{0, 1}}));
    EXPECT_FALSE(IpAddress{}.is_v4());
    EXPECT_TRUE(IpAddress::v4(0).is_v4());
}

TEST(IpAddress, ReadsNothingElse) {
    for (const char* text : {"",
                             "1",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "01.2.3.4",
                             "0x7f.0.0.1",
                             "127.0.0.1 ",
                             " 127.0.0.1",
                             "127.0.0.-1",
                             "127.0.0.+1",
                             "127..0.1",
                             "1.2.3.",
                             "localhost",
                             ":",
                             ":::",
                             "::1::",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1::2:3:4:5:6:7:8",
                             ":1:2:3:4:5:6:7:8",
                             "1:2:3:4:5:6:7:8:",
                             "::12345",
                             "::g",
                             "[::1]",
                             "::1%lo",
                             "fe80::1%1",
                             "1.2.3.4::",
                             "::1.2.3.4:1",
                             "::1.2.3",
                             "1:2:3:4:5:6:7:1.2.3.4"}) {
        EXPECT_FALSE(parse_ip_address(text).has_value()) << text;
    }
}

bool contains(const char* network, const char* address) {
    return parse_ip_network(network)->contains(*parse_ip_address(address));
}

TEST(IpNetwork, ContainsWhatSharesItsPrefix) {
    EXPECT_TRUE(contains("127.0.0.0/8", "127.255.0.1"));
    EXPECT_FALSE(contains("127.0.0.0/8", "128.0.0.0"));
    EXPECT_TRUE(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
    EXPECT_TRUE(contains("::ffff:127.0.0.0/104", "127.0.0.1"));
    EXPECT_TRUE(contains("10.1.2.3", "10.1.2.3"));
    EXPECT_FALSE(contains("10.1.2.3", "10.1.2.2"));
    EXPECT_TRUE(contains("0.0.0.0/0", "200.1.1.1"));
    EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
    EXPECT_TRUE(contains("::1/128", "::1"));
    EXPECT_TRUE(contains("fe80::/10", "febf::1"));
    EXPECT_FALSE(contains("fe80::/10", "fec0::1"));
    EXPECT_TRUE(contains("::/0", "2001:db8::1"));
    EXPECT_FALSE(contains("::/0", "127.0.0.1"));
    EXPECT_TRUE(contains("10.0.0.128/25", "10.0.0.255"));
    EXPECT_FALSE(contains("10.0.0.128/25", "10.0.0.127"));
}

std::string error_of(const char* text) {
    const auto networks = parse_ip_networks(text);
    if (networks) return "no error";
    EXPECT_EQ(networks.error().kind, ErrorKind::invalid);
    EXPECT_EQ(networks.error().code, "bad_network");
    return networks.error().detail;
}

TEST(IpNetworks, AListNamesWhatIsWrong) {
    EXPECT_TRUE(parse_ip_networks("")->empty());
    EXPECT_TRUE(parse_ip_networks("  ")->empty());
    EXPECT_EQ(parse_ip_networks("127.0.0.0/8,::1/128")->size(), 2U);
    EXPECT_EQ(*parse_ip_networks(" 10.0.0.0/8 , ::1 "),
              (std::vector{*parse_ip_network("10.0.0.0/8"), *parse_ip_network("::1/128")}));
    EXPECT_EQ(error_of("::1,x"), "'x' is no network, such as 10.1.0.0/16 or fd00:1::/64");
    EXPECT_EQ(error_of("::1,"), "'' is no network, such as 10.1.0.0/16 or fd00:1::/64");
    EXPECT_EQ(error_of("10.0.0.0/33"), "'10.0.0.0/33' has no prefix of 0 to 32");
    EXPECT_EQ(error_of("::/129"), "'::/129' has no prefix of 0 to 128");
    EXPECT_EQ(error_of("::/"), "'::/' has no prefix of 0 to 128");
    EXPECT_EQ(error_of("10.0.0.0/255.0.0.0"), "'10.0.0.0/255.0.0.0' has no prefix of 0 to 32");
    EXPECT_EQ(error_of("127.0.0.1/8"), "'127.0.0.1/8' has bits set behind its prefix");
    EXPECT_EQ(error_of("fe80::1/10"), "'fe80::1/10' has bits set behind its prefix");
}

}  // namespace
}  // namespace base
