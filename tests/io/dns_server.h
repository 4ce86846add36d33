// A name server to test against: UDP and TCP on one free port of 127.0.0.1, on a thread of its own.
// Thread-safe. What it says of a name may change at any time; of others it says that they do not
// exist.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace io {

class DnsServer {
  public:
    struct Zone {
        std::vector<std::string> v4 = {}, v6 = {};
        std::uint32_t ttl_s = 60;
        unsigned rcode = 0;      // 2: SERVFAIL, 3: NXDOMAIN
        bool silent = false;     // counts the question, never answers
        bool hold = false;       // answers once release() is called
        bool truncated = false;  // over UDP; the whole answer over TCP
    };

    DnsServer();
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    std::string servers() const;  // for ResolverThread::Options
    void set(const std::string& name, Zone zone);
    // Answers what is held of all names, with what their zones say now.
    void release();

    // How often the IPv4 addresses of `name` were asked for.
    int questions(const std::string& name);
    // Waits, at most 20 s, until there were so many.
    bool wait_for_questions(const std::string& name, int count);
    int tcp_questions();
    int all_questions();

  private:
    using Packet = std::vector<std::uint8_t>;
    struct Held {
        Packet question;
        std::uint16_t port;  // of the asker, in network order
    };

    void run();
    void take_udp();
    void take_tcp();
    void answer_udp(const Packet& question, std::uint16_t port);
    Packet answer(const Packet& question, const Zone& zone, bool over_tcp);

    int udp_ = -1, tcp_ = -1, stop_ = -1;
    std::uint16_t port_ = 0;

    std::mutex mutex_;
    std::condition_variable asked_;
    std::map<std::string, Zone> zones_;
    std::map<std::string, int> questions_;
    int tcp_questions_ = 0, all_questions_ = 0;
    std::vector<Held> held_;
    std::thread thread_;
};

}  // namespace io
