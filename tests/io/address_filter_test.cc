// Each spelling goes the way a URL's host goes: through the resolver's reading of numeric hosts.
#include "io/address_filter.h"

#include <gtest/gtest.h>
#include <string>

#include "io/resolver.h"

namespace io {
namespace {

std::string refusal(const AddressFilter& filter, const std::string& host) {
    const auto addresses = fixed_addresses(host);
    if (addresses.empty()) return "no address";
    return std::string(filter.refusal(addresses.front()));
}

struct Row {
    const char* host;
    const char* refusal;  // "": allowed
};

TEST(AddressFilter, EverySpellingIsOneAddress) {
    constexpr Row kRows[] = {
        {"127.0.0.1", "loopback"},
        {"127.255.255.254", "loopback"},
        {"127.1", "loopback"},
        {"127.0.1", "loopback"},
        {"2130706433", "loopback"},
        {"017700000001", "loopback"},
        {"0177.0.0.1", "loopback"},
        {"0177.0.0.01", "loopback"},
        {"0x7f000001", "loopback"},
        {"0X7F.0.0.1", "loopback"},
        {"0x7f.1", "loopback"},
        {"localhost", "loopback"},
        {"LOCALHOST.", "loopback"},
        {"a.localhost", "loopback"},
        {"::1", "loopback"},
        {"0:0:0:0:0:0:0:1", "loopback"},
        {"0000::0001", "loopback"},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:7f00:1", "loopback"},
        {"0:0:0:0:0:ffff:7f00:0001", "loopback"},
        {"::127.0.0.1", "loopback"},  // IPv4-compatible
        {"::7f00:1", "loopback"},
        {"::ffff:0:127.0.0.1", "loopback"},  // SIIT
        {"64:ff9b::127.0.0.1", "loopback"},  // NAT64
        {"64:ff9b::7f00:1", "loopback"},
        {"64:ff9b:1::7f00:1", "local NAT64"},
        {"64:ff9b:1:ffff::8.8.8.8", "local NAT64"},
        {"2002:7f00:1::", "loopback"},  // 6to4
        {"2002:7f00:0001::1", "loopback"},
        {"2002:a9fe:a9fe::", "link-local"},
        {"2001:0:4136:e378:8000:63bf:80ff:fffe", "Teredo"},
        {"2001::1", "Teredo"},
        {"fd12::5efe:127.0.0.1", "loopback"},  // ISATAP
        {"2001:db8::200:5efe:7f00:1", "loopback"},
        {"0.0.0.0", "unspecified"},
        {"0", "unspecified"},
        {"0x0", "unspecified"},
        {"0.0.0.1", "this network"},
        {"0.255.255.255", "this network"},
        {"::", "unspecified"},
        {"::ffff:0.0.0.0", "unspecified"},
        {"::2", "this network"},
        {"169.254.169.254", "link-local"},
        {"169.254.170.2", "link-local"},
        {"169.254.0.0", "link-local"},
        {"2852039166", "link-local"},
        {"0xa9fea9fe", "link-local"},
        {"0251.0376.0251.0376", "link-local"},
        {"169.16689662", "link-local"},
        {"::ffff:169.254.169.254", "link-local"},
        {"64:ff9b::169.254.169.254", "link-local"},
        {"fe80::1", "link-local"},
        {"fe80::a9fe:a9fe", "link-local"},
        {"febf:ffff::1", "link-local"},
        {"fe80::1%1", "link-local"},
        {"fd00:ec2::254", "metadata"},
        {"fd00:0ec2:0:0:0:0:0:254", "metadata"},
        {"fd00:ec2::23", "metadata"},
        {"fd20:ce::254", "metadata"},
        {"fd00:42::42", "metadata"},
        {"100.100.100.200", "metadata"},
        {"168.63.129.16", "metadata"},
        {"192.0.0.192", "reserved"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"ff02::1", "multicast"},
        {"ff0e::1", "multicast"},
        {"64:ff9b::224.0.0.1", "multicast"},
        {"240.0.0.1", "reserved"},
        {"255.255.255.254", "reserved"},
        {"255.255.255.255", "broadcast"},
        {"0xffffffff", "broadcast"},
        {"::ffff:255.255.255.255", "broadcast"},
        // Neighbours, and what is private but another machine's.
        {"8.8.8.8", ""},
        {"134744072", ""},
        {"1.0.0.0", ""},
        {"126.255.255.255", ""},
        {"128.0.0.0", ""},
        {"169.253.255.255", ""},
        {"169.255.0.0", ""},
        {"192.0.1.0", ""},
        {"100.100.100.199", ""},
        {"168.63.129.15", ""},
        {"223.255.255.255", ""},
        {"10.0.0.1", ""},
        {"172.16.0.1", ""},
        {"192.168.1.1", ""},
        {"100.64.0.1", ""},
        {"::ffff:10.0.0.1", ""},
        {"fc00::1", ""},
        {"fd00:ec3::254", ""},
        {"fd20:ce::253", ""},
        {"2606:4700::1111", ""},
        {"2001:1::1", ""},
        {"2002:808:808::1", ""},
        {"2001:db8::201:5efe:7f00:1", ""},
        {"64:ff9b::8.8.8.8", ""},
        {"64:ff9a::127.0.0.1", ""},
    };
    const AddressFilter filter;
    for (const Row& row : kRows) EXPECT_EQ(refusal(filter, row.host), row.refusal) << row.host;
}

TEST(AddressFilter, WhatIsAllowedIs) {
    const AddressFilter filter(*base::parse_ip_networks("127.0.0.0/8,64:ff9b::10.0.0.0/104"));
    EXPECT_EQ(refusal(filter, "127.0.0.1"), "");
    EXPECT_EQ(refusal(filter, "0x7f.1"), "");
    EXPECT_EQ(refusal(filter, "::ffff:127.0.0.1"), "");
    EXPECT_EQ(refusal(filter, "::1"), "loopback");
    EXPECT_EQ(refusal(filter, "169.254.169.254"), "link-local");
    // It may end up elsewhere than here.
    EXPECT_EQ(refusal(filter, "64:ff9b::127.0.0.1"), "loopback");
    EXPECT_EQ(
        refusal(AddressFilter(*base::parse_ip_networks("64:ff9b::/96")), "64:ff9b::127.0.0.1"), "");
    EXPECT_EQ(refusal(AddressFilter(*base::parse_ip_networks("::/0")), "127.0.0.1"), "loopback");
    EXPECT_EQ(refusal(AddressFilter(*base::parse_ip_networks("::/0")), "::1"), "");
}

TEST(AddressFilter, NoIpIsNoAddressToConnectTo) {
    SocketAddress local;
    local.storage.ss_family = AF_UNIX;
    local.size = sizeof(sa_family_t);
    EXPECT_EQ(AddressFilter().refusal(local), "no IP");
}

TEST(FixedAddresses, OnlyOfWhatNoServerIsAskedFor) {
    EXPECT_EQ(fixed_addresses("10.0.0.1").at(0).to_string(), "10.0.0.1:0");
    ASSERT_EQ(fixed_addresses("localhost").size(), 2U);
    EXPECT_EQ(fixed_addresses("localhost")[1].to_string(), "[::1]:0");
    for (const char* host : {"", "example.com", "localhost.example", "1.2.3.4.5", "256.1.1.1"})
        EXPECT_TRUE(fixed_addresses(host).empty()) << host;
}

}  // namespace
}  // namespace io
