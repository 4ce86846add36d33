#include "io/resolver_thread.h"

#include <ares.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>

#include "io/bounds.h"

namespace io {

base::Error not_resolved(const std::string& host, std::string_view why) {
    base::Error error;
    error.kind = base::ErrorKind::transient;
    error.code = "name_not_resolved";
    error.detail = fmt::format("{}: {}", host, why);
    return error;
}

namespace {

// Copied field by field: what c-ares leaves in the padding must not make two addresses differ.
SocketAddress copy_of(const ares_addrinfo_node& node) {
    SocketAddress address;
    if (node.ai_family == AF_INET) {
        auto& to = reinterpret_cast<sockaddr_in&>(address.storage);
        to.sin_family = AF_INET;
        to.sin_addr = reinterpret_cast<const sockaddr_in*>(node.ai_addr)->sin_addr;
        address.size = sizeof to;
    } else {
        const auto& from = *reinterpret_cast<const sockaddr_in6*>(node.ai_addr);
        auto& to = reinterpret_cast<sockaddr_in6&>(address.storage);
        to.sin6_family = AF_INET6;
        to.sin6_addr = from.sin6_addr;
        to.sin6_scope_id = from.sin6_scope_id;
        address.size = sizeof to;
    }
    return address;
}

base::Result<ResolverThread::Answer> answer_of(const std::string& host, int status,
                                               const ares_addrinfo* found) {
    if (status != ARES_SUCCESS) return base::fail(not_resolved(host, ares_strerror(status)));
    ResolverThread::Answer answer;
    auto ttl = std::chrono::seconds::max();
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
        answer.addresses.push_back(copy_of(*node));
        // RFC 2181, section 8: a TTL with its top bit set is zero.
        ttl = std::min(ttl, std::chrono::seconds(std::max(node->ai_ttl, 0)));
    }
    if (answer.addresses.empty()) return base::fail(not_resolved(host, "it has no address"));
    answer.ttl = ttl;
    return answer;
}

}  // namespace

class ResolverThread::Impl {
  public:
    Impl(Options options, int wake_fd) : options_(std::move(options)), wake_fd_(wake_fd) {
        thread_ = std::thread([this] { run(); });
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
        ::close(wake_fd_);
    }

    void look_up(const void* asker, const std::string& host, Done done) {
        {
            const std::lock_guard lock(mutex_);
            const auto under_way = queries_.find(host);
            if (under_way != queries_.end()) {
                under_way->second.push_back({asker, std::move(done)});
                return;
            }
            if (queries_.size() >= kQueriesMax) {
                done(base::fail(not_resolved(host, "too many names are being looked up")));
                return;
            }
            queries_[host].push_back({asker, std::move(done)});
            fresh_.push_back(host);
        }
        wake();
    }

    void leave(const void* asker) {
        const std::lock_guard lock(mutex_);
        for (auto& [host, askers] : queries_) {
            std::erase_if(askers, [&](const Asker& one) { return one.asker == asker; });
        }
    }

  private:
    struct Asker {
        const void* asker;
        Done done;
    };
    struct Query {
        Impl& self;
        std::string host;
    };

    void wake() {
        const std::uint64_t one = 1;
        static_cast<void>(::write(wake_fd_, &one, sizeof one));  // fails only when it is full: set
    }

    void run() {
        // Signals are for others; and c-ares writes to TCP sockets that may have been reset.
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::vector<std::string> hosts;
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                if (stopping_) break;
                std::swap(hosts, fresh_);
            }
            for (const std::string& host : hosts) ask(host);
            hosts.clear();
            // A channel reads resolv.conf once; a new one for each burst sees what has changed.
            if (channel_ != nullptr && asking_ == 0) close_channel();
            wait();
        }
        if (channel_ != nullptr) close_channel();
    }

    int open_channel() {
        static const int library = ares_library_init(ARES_LIB_INIT_ALL);
        if (library != ARES_SUCCESS) return library;
        ares_options options{};
        std::string files_then_dns = "fb";
        options.lookups = files_then_dns.data();
        options.timeout = static_cast<int>(options_.timeout / std::chrono::milliseconds(1));
        options.tries = options_.tries;
        options.sock_state_cb_data = this;
        options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            auto& sockets = static_cast<Impl*>(self)->sockets_;
            if (readable == 0 && writable == 0) {
                sockets.erase(fd);
            } else {
                sockets[fd] = static_cast<short>((readable != 0 ? POLLIN : 0) |
                                                 (writable != 0 ? POLLOUT : 0));
            }
        };
        int status = ares_init_options(
            &channel_, &options,
            ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
        if (status != ARES_SUCCESS) {
            channel_ = nullptr;
            return status;
        }
        if (options_.servers.empty()) return ARES_SUCCESS;
        status = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
        if (status != ARES_SUCCESS) close_channel();
        return status;
    }

    void close_channel() {
        ares_destroy(channel_);
        channel_ = nullptr;
        sockets_.clear();
    }

    void ask(const std::string& host) {
        const int status = channel_ != nullptr ? ARES_SUCCESS : open_channel();
        if (status != ARES_SUCCESS) {
            deliver(host, answer_of(host, status, nullptr));
            return;
        }
        ares_addrinfo_hints hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        if (options_.hosts_from_environment) hints.ai_flags |= ARES_AI_ENVHOSTS;
        ++asking_;
        ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Impl::answered,
                         new Query{*this, host});
    }

    static void answered(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
        const std::unique_ptr<Query> query(static_cast<Query*>(argument));
        --query->self.asking_;
        query->self.deliver(query->host, answer_of(query->host, status, found));
        if (found != nullptr) ares_freeaddrinfo(found);
    }

    void deliver(const std::string& host, const base::Result<Answer>& answer) {
        const std::lock_guard lock(mutex_);
        auto query = queries_.extract(host);
        for (Asker& asker : query.mapped()) asker.done(answer);
    }

    void wait() {
        polled_.assign(1, {wake_fd_, POLLIN, 0});
        for (const auto& [fd, events] : sockets_) polled_.push_back({fd, events, 0});
        timeval left{};
        int wait_ms = -1;
        if (channel_ != nullptr && ares_timeout(channel_, nullptr, &left) != nullptr) {
            wait_ms = static_cast<int>(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
        }
        if (::poll(polled_.data(), polled_.size(), wait_ms) < 0) return;
        if (polled_[0].revents != 0) {
            std::uint64_t count = 0;
            static_cast<void>(::read(wake_fd_, &count, sizeof count));
        }
        if (channel_ == nullptr) return;
        for (const pollfd& one : polled_) {
            // An answer to one socket may have closed another.
            if (one.revents == 0 || !sockets_.contains(one.fd)) continue;
            const bool readable = (one.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
            const bool writable = (one.revents & POLLOUT) != 0;
            ares_process_fd(channel_, readable ? one.fd : ARES_SOCKET_BAD,
                            writable ? one.fd : ARES_SOCKET_BAD);
        }
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has timed out
    }

    const Options options_;
    const int wake_fd_;

    std::mutex mutex_;
    std::map<std::string, std::vector<Asker>> queries_;  // under way
    std::vector<std::string> fresh_;                     // of those, not yet asked
    bool stopping_ = false;

    // The thread's own.
    ares_channel channel_ = nullptr;
    std::map<int, short> sockets_;  // and what c-ares waits for on each
    std::vector<pollfd> polled_;
    std::size_t asking_ = 0;

    std::thread thread_;
};

ResolverThread::ResolverThread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ResolverThread::~ResolverThread() = default;

base::Result<std::shared_ptr<ResolverThread>> ResolverThread::start(const Options& options) {
    const int wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) return base::fail(io_error(-errno, "starting the resolver"));
    try {
        return std::shared_ptr<ResolverThread>(
            new ResolverThread(std::make_unique<Impl>(options, wake_fd)));
    } catch (const std::system_error& no_thread) {
        ::close(wake_fd);
        return base::fail(io_error(-no_thread.code().value(), "starting the resolver"));
    }
}

base::Result<std::shared_ptr<ResolverThread>> ResolverThread::shared() {
    static std::mutex mutex;
    static std::weak_ptr<ResolverThread> running;
    const std::lock_guard lock(mutex);
    if (auto resolver = running.lock()) return resolver;
    auto resolver = start({});
    if (resolver) running = *resolver;
    return resolver;
}

void ResolverThread::look_up(const void* asker, const std::string& host, Done done) {
    impl_->look_up(asker, host, std::move(done));
}

void ResolverThread::leave(const void* asker) { impl_->leave(asker); }

}  // namespace io
