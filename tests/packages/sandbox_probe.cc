// Tries what a service must not be able to do, and what it must, and prints for each a line: its
// name and "done", the name of the error, or what was found. tests/packages/sandbox.sh runs it in
// place of the daemon, under its unit, and compares with sandbox.txt; and without a sandbox, where
// the same attempts succeed.
//
// Attempts are made by a child each, and so that they do no harm where they are allowed: arguments
// that the kernel looks at after the right to make the call, files opened and not written.
//
// STATE_DIRECTORY and RUNTIME_DIRECTORY as systemd sets them; PROBE_SAME_USER and PROBE_OTHER_USER
// are processes outside.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

namespace {

std::string outcome(long result) { return result < 0 ? strerrorname_np(errno) : "done"; }

std::string variable(const char* name) {
    const char* value = getenv(name);
    return value == nullptr ? "" : value;
}
std::string in_state(const char* name) { return variable("STATE_DIRECTORY") + "/" + name; }
pid_t process(const char* name) { return std::atoi(variable(name).c_str()); }

std::string create(const std::string& path, int mode = 0600) {
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, mode);
    const std::string result = outcome(fd < 0 ? fd : write(fd, "x", 1));
    if (fd >= 0) unlink(path.c_str());
    return result;
}
std::string open_to(const char* path, int flags) { return outcome(open(path, flags | O_CLOEXEC)); }

std::string run(const char* program) {
    const pid_t child = fork();
    if (child == 0) {
        execl(program, program, nullptr);
        _exit(errno);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) return outcome(-1);
    return WEXITSTATUS(status) == 0 ? "done" : strerrorname_np(WEXITSTATUS(status));
}

// A program of its own making, in a folder that it may write to.
std::string run_written(const std::string& folder) {
    const std::string path = folder + "/program";
    std::ofstream(path) << std::ifstream("/bin/true", std::ios::binary).rdbuf();
    if (chmod(path.c_str(), 0700) != 0) return outcome(-1);
    const std::string result = run(path.c_str());
    unlink(path.c_str());
    return result;
}

// --- files with privileges

std::string chmod_new(mode_t mode, bool with_new_call) {
    constexpr long kFchmodat2 = 452;  // Linux 6.6; newer than the headers of Debian 12
    const std::string path = in_state("mode");
    const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    const std::string result = outcome(
        with_new_call ? syscall(kFchmodat2, AT_FDCWD, path.c_str(), mode, 0) : fchmod(fd, mode));
    unlink(path.c_str());
    return result;
}
std::string make_device() {
    const std::string path = in_state("device");
    const std::string result = outcome(mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 1)));
    unlink(path.c_str());
    return result;
}

// --- namespaces, mounts

std::string clone_into(unsigned long flags) {
    const long child = syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) _exit(0);
    return outcome(child);
}
std::string clone3_into(std::uint64_t flags) {
    clone_args arguments{};
    arguments.flags = flags;
    arguments.exit_signal = SIGCHLD;
    const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(0);
    return outcome(child);
}
std::string enter_own(const char* space) {
    const int fd = open(space, O_RDONLY | O_CLOEXEC);
    return outcome(fd < 0 ? fd : setns(fd, 0));
}

// --- other processes

std::string read_memory_of(pid_t pid) {
    // An address that nothing has: the right to look is checked before.
    std::array<char, 8> here{};
    iovec to{here.data(), here.size()};
    iovec from{nullptr, here.size()};
    return outcome(process_vm_readv(pid, &to, 1, &from, 1, 0));
}
std::string take_file_of(pid_t pid) {
    const long fd = syscall(SYS_pidfd_open, pid, 0);
    return outcome(fd < 0 ? fd : syscall(SYS_pidfd_getfd, fd, 0, 0));
}
std::string see(const std::string& process) {
    struct stat found{};
    return outcome(stat(("/proc/" + process).c_str(), &found));
}

// --- memory

std::string map(int protection) {
    void* at = mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(at == MAP_FAILED ? -1 : 0);
}
std::string make_executable() {
    void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}
std::string share_executable() {
    const int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
    if (id < 0) return outcome(id);
    const void* at = shmat(id, nullptr, SHM_EXEC);
    const std::string result = outcome(reinterpret_cast<std::intptr_t>(at) == -1 ? -1 : 0);
    shmctl(id, IPC_RMID, nullptr);
    return result;
}

// --- scheduling

std::string schedule(std::uint32_t policy, std::uint32_t priority) {
    struct {
        std::uint32_t size, policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime, deadline, period;
    } attributes{48, policy, 0, 0, priority, 0, 0, 0};
    return outcome(syscall(SYS_sched_setattr, 0, &attributes, 0));
}
std::string set_scheduler() {
    sched_param parameters{};
    parameters.sched_priority = 1;
    return outcome(sched_setscheduler(0, SCHED_FIFO, &parameters));
}

// --- the network

std::string bind_port(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return outcome(bound != 0 ? bound : listen(fd, 1));
}
std::string listen_unix() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = variable("RUNTIME_DIRECTORY") + "/probe.sock";
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    unlink(path.c_str());
    return outcome(bound != 0 ? bound : listen(fd, 1));
}

// --- io_uring, which takes no notice of system call filters

std::string by_ring(const io_uring_sqe& operation) {
    io_uring_params parameters{};
    const int ring = static_cast<int>(syscall(SYS_io_uring_setup, 4, &parameters));
    if (ring < 0) return outcome(ring);
    constexpr int kReadWrite = PROT_READ | PROT_WRITE;
    const std::size_t size = parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe);
    void* rings = mmap(nullptr, size, kReadWrite, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    void* entries =
        mmap(nullptr, 4 * sizeof(io_uring_sqe), kReadWrite, MAP_SHARED, ring, IORING_OFF_SQES);
    if (rings == MAP_FAILED || entries == MAP_FAILED) return outcome(-1);
    auto* base = static_cast<char*>(rings);
    *static_cast<io_uring_sqe*>(entries) = operation;
    reinterpret_cast<unsigned*>(base + parameters.sq_off.array)[0] = 0;
    __atomic_store_n(reinterpret_cast<unsigned*>(base + parameters.sq_off.tail), 1U,
                     __ATOMIC_RELEASE);
    const long entered =
        syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
    if (entered < 0) return outcome(entered);
    const auto* completion = reinterpret_cast<io_uring_cqe*>(base + parameters.cq_off.cqes);
    errno = -completion->res;
    return outcome(completion->res);
}
std::string by_ring_socket(int family) {
    constexpr std::uint8_t kSocket = 45;  // Linux 5.19
    io_uring_sqe operation{};
    operation.opcode = kSocket;
    operation.fd = family;
    operation.off = SOCK_RAW;
    return by_ring(operation);
}
std::string by_ring_open(const std::string& path, int flags, unsigned mode) {
    io_uring_sqe operation{};
    operation.opcode = IORING_OP_OPENAT;
    operation.fd = AT_FDCWD;
    operation.addr = reinterpret_cast<std::uint64_t>(path.c_str());
    operation.len = mode;
    operation.open_flags = static_cast<unsigned>(flags);
    const std::string result = by_ring(operation);
    if ((flags & O_CREAT) != 0) unlink(path.c_str());
    return result;
}

// --- limits, capabilities

std::string limit(__rlimit_resource which) {
    rlimit found{};
    getrlimit(which, &found);
    return found.rlim_cur == RLIM_INFINITY ? "infinity" : std::to_string(found.rlim_cur);
}
std::string raise_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max += 1;
    return outcome(prlimit(0, RLIMIT_NOFILE, &limit, nullptr));
}
// Of the five sets, how many are not empty.
std::string capability_sets() {
    std::ifstream status("/proc/self/status");
    int sets = 0;
    for (std::string line; std::getline(status, line);) {
        const auto digit = line.find_first_not_of(" \t0", line.find(':') + 1);
        if (line.starts_with("Cap") && digit != std::string::npos) ++sets;
    }
    return std::to_string(sets);
}
std::string take_capabilities() {
    constexpr std::uint32_t kVersion3 = 0x20080522;
    struct {
        std::uint32_t version;
        int pid;
    } header{kVersion3, 0};
    std::array<std::uint32_t, 6> sets{0x200000, 0x200000};  // CAP_SYS_ADMIN
    return outcome(syscall(SYS_capset, &header, sets.data()));
}

std::string set_clock() { return outcome(syscall(SYS_settimeofday, nullptr, nullptr)); }
std::string adjust_clock() {
    timex nothing{};
    return outcome(adjtimex(&nothing));
}
std::string same_hostname() {
    std::array<char, 256> name{};
    gethostname(name.data(), name.size());
    return outcome(sethostname(name.data(), std::strlen(name.data())));
}

using Attempt = std::string (*)();
struct Named {
    const char* name;
    Attempt attempt;
};

constexpr int kReadOnly = O_RDONLY, kWriteOnly = O_WRONLY;
constexpr Named kAttempts[] = {
    {"write:/etc", [] { return create("/etc/probe"); }},
    {"write:/usr", [] { return create("/usr/probe"); }},
    {"write:/opt", [] { return create("/opt/probe"); }},
    {"write:/var/lib/other", [] { return create("/var/lib/other/probe"); }},
    {"write:/run", [] { return create("/run/probe"); }},
    {"write:/run/lock", [] { return create("/run/lock/probe"); }},
    {"write:settings", [] { return open_to("/etc/s3zipd/s3zipd.toml", kWriteOnly); }},
    {"read:/home", [] { return open_to("/home/someone/file", kReadOnly); }},
    {"read:/root", [] { return open_to("/root/file", kReadOnly); }},
    {"read:/tmp-of-others", [] { return open_to("/tmp/of-others", kReadOnly); }},
    {"read:modules", [] { return open_to("/usr/lib/modules/file", kReadOnly); }},
    {"suid:chmod", [] { return chmod_new(04700, false); }},
    {"sgid:chmod", [] { return chmod_new(02700, false); }},
    {"suid:fchmodat2", [] { return chmod_new(04700, true); }},
    {"suid:open", [] { return create(in_state("suid"), 04700); }},
    {"suid:ring", [] { return by_ring_open(in_state("suid"), O_CREAT | O_WRONLY, 04700); }},
    {"device:mknod", make_device},
    {"device:/dev/mem", [] { return open_to("/dev/mem", kReadOnly); }},
    {"device:/dev/kmsg", [] { return open_to("/dev/kmsg", kReadOnly); }},
    {"device:ring", [] { return by_ring_open("/dev/mem", kReadOnly, 0); }},
    {"run:state", [] { return run_written(variable("STATE_DIRECTORY")); }},
    {"run:runtime", [] { return run_written(variable("RUNTIME_DIRECTORY")); }},
    {"run:/tmp", [] { return run_written("/tmp"); }},

    {"module:init", [] { return outcome(syscall(SYS_init_module, nullptr, 0, "")); }},
    {"module:finit", [] { return outcome(syscall(SYS_finit_module, -1, "", 0)); }},
    {"module:delete", [] { return outcome(syscall(SYS_delete_module, "none", O_NONBLOCK)); }},
    {"mount:tmpfs",
     [] { return outcome(mount("none", variable("STATE_DIRECTORY").c_str(), "tmpfs", 0, "")); }},
    {"mount:umount", [] { return outcome(umount2("/none", 0)); }},
    {"mount:fsopen", [] { return outcome(syscall(SYS_fsopen, "tmpfs", 0)); }},
    {"mount:open_tree", [] { return outcome(syscall(SYS_open_tree, AT_FDCWD, "/usr", 1)); }},
    {"chroot", [] { return outcome(chroot("/usr")); }},
    {"pivot_root", [] { return outcome(syscall(SYS_pivot_root, "/none", "/none")); }},
    {"namespace:unshare-user", [] { return outcome(unshare(CLONE_NEWUSER)); }},
    {"namespace:unshare-mount", [] { return outcome(unshare(CLONE_NEWNS)); }},
    {"namespace:unshare-net", [] { return outcome(unshare(CLONE_NEWNET)); }},
    {"namespace:clone-user", [] { return clone_into(CLONE_NEWUSER); }},
    {"namespace:clone3-user", [] { return clone3_into(CLONE_NEWUSER); }},
    {"namespace:setns", [] { return enter_own("/proc/self/ns/net"); }},

    {"process:ptrace",
     [] { return outcome(ptrace(PTRACE_SEIZE, process("PROBE_SAME_USER"), 0, 0)); }},
    {"process:vm_readv", [] { return read_memory_of(process("PROBE_SAME_USER")); }},
    {"process:pidfd_getfd", [] { return take_file_of(process("PROBE_SAME_USER")); }},
    {"process:see-other", [] { return see(variable("PROBE_OTHER_USER")); }},
    {"process:see-1", [] { return see("1"); }},

    {"socket:raw", [] { return outcome(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }},
    {"socket:packet", [] { return outcome(socket(AF_PACKET, SOCK_RAW, 0)); }},
    {"socket:netlink", [] { return outcome(socket(AF_NETLINK, SOCK_RAW, 0)); }},
    {"socket:packet-ring", [] { return by_ring_socket(AF_PACKET); }},
    {"socket:netlink-ring", [] { return by_ring_socket(AF_NETLINK); }},
    {"socket:port-80", [] { return bind_port(80); }},

    {"id:setuid", [] { return outcome(syscall(SYS_setuid, 0)); }},
    {"id:setresuid", [] { return outcome(syscall(SYS_setresuid, 1, 1, 1)); }},
    {"id:setgroups", [] { return outcome(syscall(SYS_setgroups, 0, nullptr)); }},
    {"id:chown", [] { return outcome(chown(variable("STATE_DIRECTORY").c_str(), 0, 1)); }},
    {"capability:sets", capability_sets},
    {"capability:capset", take_capabilities},
    {"capability:no-new", [] { return std::to_string(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); }},

    {"memory:map-wx", [] { return map(PROT_READ | PROT_WRITE | PROT_EXEC); }},
    {"memory:mprotect-x", make_executable},
    {"memory:shmat-x", share_executable},
    {"clock:set", set_clock},
    {"clock:adjust", adjust_clock},
    {"hostname", same_hostname},
    {"tunable:kernel", [] { return open_to("/proc/sys/kernel/printk", kWriteOnly); }},
    {"tunable:vm", [] { return open_to("/proc/sys/vm/swappiness", kWriteOnly); }},
    {"tunable:sysrq", [] { return open_to("/proc/sysrq-trigger", kWriteOnly); }},
    {"tunable:cgroup", [] { return open_to("/sys/fs/cgroup/cgroup.procs", kWriteOnly); }},
    {"kernel:log", [] { return outcome(klogctl(3, nullptr, 0)); }},
    {"kernel:keyctl", [] { return outcome(syscall(SYS_keyctl, 0, -3, 1)); }},
    {"kernel:add_key", [] { return outcome(syscall(SYS_add_key, "user", "probe", "x", 1, -2)); }},
    {"kernel:bpf", [] { return outcome(syscall(SYS_bpf, 0, nullptr, 0)); }},
    {"kernel:perf", [] { return outcome(syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0)); }},
    {"kernel:userfaultfd", [] { return outcome(syscall(SYS_userfaultfd, 0)); }},
    {"kernel:swapon", [] { return outcome(swapon("/none", 0)); }},
    {"kernel:swapoff", [] { return outcome(swapoff("/none")); }},
    {"kernel:reboot", [] { return outcome(syscall(SYS_reboot, 0, 0, 0, nullptr)); }},
    {"kernel:kexec", [] { return outcome(syscall(SYS_kexec_load, 0, -1, nullptr, 1)); }},
    {"kernel:handle", [] { return outcome(syscall(SYS_open_by_handle_at, -1, nullptr, 0)); }},
    {"kernel:fanotify", [] { return outcome(syscall(SYS_fanotify_init, 0, 0)); }},
    {"personality", [] { return outcome(personality(ADDR_NO_RANDOMIZE)); }},
    {"realtime:setscheduler", set_scheduler},
    {"realtime:setattr", [] { return schedule(SCHED_FIFO, 1); }},
    {"nice", [] { return outcome(setpriority(PRIO_PROCESS, 0, -5)); }},
    {"limit:raise", raise_limit},

    {"allowed:write-state", [] { return create(in_state("probe")); }},
    {"allowed:write-runtime", [] { return create(variable("RUNTIME_DIRECTORY") + "/probe"); }},
    {"allowed:write-tmp", [] { return create("/tmp/probe"); }},
    {"allowed:read-settings", [] { return open_to("/etc/s3zipd/s3zipd.toml", kReadOnly); }},
    {"allowed:read-boot_id", [] { return open_to("/proc/sys/kernel/random/boot_id", kReadOnly); }},
    {"allowed:run-program", [] { return run("/bin/true"); }},
    {"allowed:thread",
     [] {
         std::thread([] {}).join();
         return outcome(0);
     }},
    {"allowed:ring", [] { return by_ring({}); }},
    {"allowed:tcp", [] { return bind_port(0); }},
    {"allowed:tcp6", [] { return outcome(socket(AF_INET6, SOCK_STREAM, 0)); }},
    {"allowed:udp", [] { return outcome(socket(AF_INET, SOCK_DGRAM, 0)); }},
    {"allowed:unix", listen_unix},
    {"allowed:eventfd", [] { return outcome(eventfd(0, EFD_CLOEXEC)); }},
    {"allowed:epoll", [] { return outcome(epoll_create1(EPOLL_CLOEXEC)); }},
    {"allowed:timerfd", [] { return outcome(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)); }},
    {"allowed:slice", [] { return schedule(SCHED_OTHER, 0); }},
    {"allowed:mlock", [] { return outcome(mlock(&kAttempts, 1)); }},
    {"limit:files", [] { return limit(RLIMIT_NOFILE); }},
    {"limit:locked", [] { return limit(RLIMIT_MEMLOCK); }},
};

// In a child: what an attempt changes goes with it, and a signal is a result.
std::string attempt(const Named& named) {
    int ends[2] = {};
    if (pipe2(ends, O_CLOEXEC) != 0) return outcome(-1);
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        const std::string result = named.attempt();
        _exit(write(ends[1], result.data(), result.size()) < 0 ? 1 : 0);
    }
    close(ends[1]);
    std::array<char, 64> text{};
    const ssize_t size = read(ends[0], text.data(), text.size());
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) return std::string("SIG") + sigabbrev_np(WTERMSIG(status));
    return {text.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
}

}  // namespace

int main() {
    for (const Named& named : kAttempts) std::printf("%s %s\n", named.name, attempt(named).c_str());
    return 0;
}
