#include "s3sim/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/encoding.h"
#include "s3sim/numbers.h"
#include "s3sim/operations.h"
#include "s3sim/stats.h"
#include "s3sim/worker.h"

namespace s3sim {
namespace {

base::Error no_bucket(std::string_view bucket) {
    return {base::ErrorKind::not_found,
            "NoSuchBucket",
            fmt::format("{} does not exist", bucket),
            404,
            {},
            {}};
}
base::Error error_of(const Refusal& refusal) {
    return {base::ErrorKind::invalid, refusal.code, refusal.message, refusal.status, {}, {}};
}

// "127.0.0.1:9000", "[::1]:9000", "localhost:0"; sets port to what was bound.
base::Result<int> listen_on(const std::string& address, std::uint16_t& port, std::string& host) {
    const auto colon = address.rfind(':');
    const auto number =
        colon == std::string::npos ? std::nullopt : parse_number(address.substr(colon + 1));
    host = address.substr(0, colon);
    if (host == "localhost") host = "127.0.0.1";
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    sockaddr_storage storage{};
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    socklen_t size = bracketed ? sizeof *v6 : sizeof *v4;
    const bool parsed = bracketed ? ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(),
                                                &v6->sin6_addr) == 1
                                  : ::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1;
    if (!number || *number > 65535 || !parsed) {
        return base::fail(base::ErrorKind::invalid, "bad_listen", address + " is not ADDRESS:PORT");
    }
    storage.ss_family = bracketed ? AF_INET6 : AF_INET;
    (bracketed ? v6->sin6_port : v4->sin_port) = htons(static_cast<std::uint16_t>(*number));
    const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 ||
        ::listen(fd, 1024) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
        const std::string why = std::strerror(errno);
        if (fd >= 0) ::close(fd);
        return base::fail(base::ErrorKind::invalid, "bad_listen", address + ": " + why);
    }
    port = ntohs(bracketed ? v6->sin6_port : v4->sin_port);
    return fd;
}

}  // namespace

struct Server::Impl {
    explicit Impl(Options given)
        : options(std::move(given)),
          store(options.root, options.max_memory_bytes),
          service(options, store, faults, counters) {}

    base::Status prepare_buckets();
    base::Status prepare_versioned(const std::string& name);
    base::Status start_threads();
    base::Clock& clock() {
        return options.clock != nullptr ? *options.clock : base::system_clock();
    }

    Options options;
    Store store;
    FaultPlan faults;
    Counters counters;
    Service service;
    SlowThread slow;
    int listen_fd = -1;
    std::uint16_t port = 0;
    std::string host;
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::thread> threads;
};

base::Status Server::Impl::prepare_buckets() {
    if (!options.root.empty() && !options.versioned.empty()) {
        return base::fail(base::ErrorKind::invalid, "bad_versioned",
                          "buckets with versions are kept in memory, not below a root");
    }
    if (auto ok = store.prepare(); !ok) return ok;
    for (const auto& [name, spec] : options.synthetic) {
        auto bucket = make_synthetic_bucket(spec, options.synthetic_cache, options.threads);
        if (!bucket) return std::unexpected(bucket.error());
        store.add_bucket(name, std::move(*bucket));
    }
    for (const std::string& name : options.sinks) {
        auto bucket = make_sink_bucket();
        bucket->created = clock().utc_now();
        store.add_bucket(name, std::move(bucket));
    }
    for (const std::string& name : options.buckets) {
        const auto made = store.create_bucket(name, clock().utc_now());
        if (!made && made.error().code != "BucketAlreadyOwnedByYou")
            return base::fail(error_of(made.error()));
    }
    for (const std::string& name : options.versioned) {
        if (auto ok = prepare_versioned(name); !ok) return ok;
    }
    return {};
}

base::Status Server::Impl::prepare_versioned(const std::string& name) {
    const auto made = store.create_bucket(name, clock().utc_now());
    if (!made && made.error().code != "BucketAlreadyOwnedByYou")
        return base::fail(error_of(made.error()));
    if (const auto set = store.bucket(name)->set_versioning(Versioning::enabled); !set) {
        return base::fail(base::ErrorKind::invalid, "bad_versioned",
                          name + ": " + set.error().message);
    }
    return {};
}

base::Status Server::Impl::start_threads() {
    auto listening = listen_on(options.listen, port, host);
    if (!listening) return std::unexpected(listening.error());
    listen_fd = *listening;
    std::vector<Worker*> all;
    for (int i = 0; i < std::max(options.threads, 1); ++i) {
        workers.push_back(std::make_unique<Worker>(service, counters, options, slow));
        if (auto ok = workers.back()->open(); !ok) return ok;
        all.push_back(workers.back().get());
    }
    if (auto ok = all[0]->accept_from(listen_fd, all); !ok) return ok;
    for (Worker* worker : all) threads.emplace_back([worker] { worker->run(); });
    return {};
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

base::Result<std::unique_ptr<Server>> Server::start(Options options) {
    std::unique_ptr<Server> server(new Server(std::make_unique<Impl>(std::move(options))));
    Impl& impl = *server->impl_;
    if (auto ok = impl.faults.set(impl.options.faults); !ok) return std::unexpected(ok.error());
    if (auto ok = impl.service.prepare(); !ok) return std::unexpected(ok.error());
    if (auto ok = impl.prepare_buckets(); !ok) return std::unexpected(ok.error());
    if (auto ok = impl.start_threads(); !ok) return std::unexpected(ok.error());
    return server;
}

Server::~Server() { stop(); }

void Server::stop() {
    for (const auto& worker : impl_->workers) worker->stop();
    for (std::thread& thread : impl_->threads) {
        if (thread.joinable()) thread.join();
    }
    impl_->slow.stop();
    impl_->threads.clear();
    impl_->workers.clear();
    if (impl_->listen_fd >= 0) ::close(impl_->listen_fd);
    impl_->listen_fd = -1;
}

std::uint16_t Server::port() const { return impl_->port; }
std::string Server::endpoint() const {
    return fmt::format("http://{}:{}", impl_->host, impl_->port);
}

base::Status Server::create_bucket(std::string_view bucket) {
    const auto made = impl_->store.create_bucket(bucket, impl_->clock().utc_now());
    if (!made) return base::fail(error_of(made.error()));
    return {};
}

base::Status Server::set_versioning(std::string_view bucket_name, bool enabled) {
    const auto bucket = impl_->store.bucket(bucket_name);
    if (!bucket) return base::fail(no_bucket(bucket_name));
    const auto set = bucket->set_versioning(enabled ? Versioning::enabled : Versioning::suspended);
    if (!set) return base::fail(error_of(set.error()));
    return {};
}

base::Status Server::set_archive_status(std::string_view bucket, std::string_view key,
                                        std::string_view status) {
    const auto set = impl_->service.set_archive_status(bucket, key, status);
    if (!set) return base::fail(error_of(set.error()));
    return {};
}

base::Status Server::restore(std::string_view bucket, std::string_view key) {
    const auto restored = impl_->service.restore_now(bucket, key);
    if (!restored) return base::fail(error_of(restored.error()));
    return {};
}

base::Result<std::string> Server::put(std::string_view bucket_name, std::string_view key,
                                      std::string_view bytes, std::string_view storage_class,
                                      const std::map<std::string, std::string>& headers) {
    const auto bucket = impl_->store.bucket(bucket_name);
    if (!bucket) return base::fail(no_bucket(bucket_name));
    auto writer = bucket->make_writer(bytes.size());
    if (!writer) return std::unexpected(writer.error());
    Object object;
    object.size = bytes.size();
    object.storage_class = storage_class;
    for (const auto& header : headers) {
        if (header.first == "x-amz-checksum-crc32")  // shown to who asks for it
            object.checksum = {"CRC32", "FULL_OBJECT", header.second};
        else
            object.headers.push_back(header);
    }
    object.crc32 = crc32(0, base::as_bytes(bytes));
    object.etag = base::hex(base::as_bytes(md5(base::as_bytes(bytes))));  // whatever its size
    object.last_modified = impl_->clock().utc_now();
    std::vector<std::byte> scratch(256 << 10);
    for (base::ByteView rest = base::as_bytes(bytes); !rest.empty();) {
        const base::Bytes window = (*writer)->window(scratch);
        const std::size_t n = std::min(window.size(), rest.size());
        std::memcpy(window.data(), rest.data(), n);
        if (auto ok = (*writer)->commit(window.first(n)); !ok)
            return std::unexpected(std::move(ok.error()));
        rest = rest.subspan(n);
    }
    Stored stored = (*writer)->finish();
    object.body = std::move(stored.body);
    object.file = std::move(stored.file);
    auto version = bucket->put(key, std::move(object), {});
    if (!version) return base::fail(error_of(version.error()));
    return std::move(*version);
}

namespace {

base::Result<ObjectRef> find_in(Store& store, std::string_view bucket_name, std::string_view key,
                                std::string_view version_id) {
    const auto bucket = store.bucket(bucket_name);
    if (!bucket) return base::fail(no_bucket(bucket_name));
    ObjectRef object = bucket->find_version(key, version_id);
    if (!object || object->delete_marker) {
        return base::fail(base::ErrorKind::not_found, "NoSuchKey",
                          fmt::format("{}/{} does not exist", bucket_name, key));
    }
    return object;
}

}  // namespace

base::Result<std::string> Server::get(std::string_view bucket, std::string_view key,
                                      std::string_view version_id) const {
    const auto object = find_in(impl_->store, bucket, key, version_id);
    if (!object) return std::unexpected(object.error());
    if (!(*object)->body)
        return base::fail(base::ErrorKind::invalid, "sink", "a sink forgets its bytes");
    std::string bytes;
    bytes.reserve((*object)->size);
    const auto read = for_each_chunk(*(*object)->body, 0, (*object)->size,
                                     [&](base::ByteView chunk) -> base::Status {
                                         bytes += base::as_text(chunk);
                                         return {};
                                     });
    if (!read) return std::unexpected(read.error());
    return bytes;
}

base::Result<ObjectInfo> Server::head(std::string_view bucket, std::string_view key,
                                      std::string_view version_id) const {
    const auto found = find_in(impl_->store, bucket, key, version_id);
    if (!found) return std::unexpected(found.error());
    const Object& object = **found;
    ObjectInfo info;
    info.size = object.size;
    info.etag = object.etag;
    info.content_type = object.content_type;
    info.storage_class = object.storage_class;
    info.version_id = shown_version(object);
    info.tagging = object.tagging;
    for (const auto& [name, value] : object.headers) {
        if (name.starts_with("x-amz-meta-")) info.metadata[name.substr(11)] = value;
        if (name == "content-disposition") info.content_disposition = value;
        info.headers[name] = value;
    }
    if (object.crc32) {
        info.crc32 = *object.crc32;
        return info;
    }
    const auto read =
        for_each_chunk(*object.body, 0, object.size, [&](base::ByteView chunk) -> base::Status {
            info.crc32 = crc32(info.crc32, chunk);
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return info;
}

base::Status Server::remove(std::string_view bucket_name, std::string_view key,
                            std::string_view version_id) {
    const auto bucket = impl_->store.bucket(bucket_name);
    if (!bucket) return base::fail(no_bucket(bucket_name));
    const auto removed = bucket->remove(key, version_id, impl_->clock().utc_now());
    if (!removed) return base::fail(error_of(removed.error()));
    return {};
}

std::vector<std::string> Server::keys(std::string_view bucket_name, std::string_view prefix) const {
    std::vector<std::string> found;
    const auto bucket = impl_->store.bucket(bucket_name);
    if (!bucket) return found;
    bucket->begin_listing();
    Entry entry;
    for (bool more = bucket->next(prefix, true, entry); more && entry.key.starts_with(prefix);
         more = bucket->next(found.back(), false, entry)) {
        found.push_back(entry.key);
    }
    return found;
}

std::vector<OpenUpload> Server::open_uploads() const {
    std::vector<OpenUpload> open;
    for (const UploadRef& upload : impl_->store.uploads("")) {
        open.push_back({upload->bucket_name, upload->key, upload->id});
    }
    return open;
}

Stats Server::stats() const { return impl_->service.stats(); }

void Server::reset_stats() {
    impl_->counters.reset();
    impl_->faults.reset_counts();
    impl_->service.reset_requests();
}

std::vector<RecordedRequest> Server::requests() const { return impl_->service.requests(); }

void Server::set_credentials(std::string_view access_key, std::string_view secret_key,
                             std::string_view session_token) {
    impl_->service.set_credentials(access_key, secret_key, session_token);
}

void Server::accept_too(std::string_view access_key, std::string_view secret_key,
                        std::string_view session_token) {
    impl_->service.accept_too(access_key, secret_key, session_token);
}

base::Status Server::set_faults(std::string_view plan) { return impl_->faults.set(plan); }

}  // namespace s3sim
