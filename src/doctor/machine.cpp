#include "doctor/machine.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"

namespace fastio::doctor {
namespace {

// PROC_PID_INIT_INO of include/linux/proc_ns.h: the namespace that a machine starts with.
constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFCU;
// A client takes five descriptors of the service (src/service/main.cpp).
constexpr std::uint64_t kDescriptorsOfAClient = 5;
constexpr std::uint64_t kFewDescriptors = 1024;
constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::uint64_t limit_of(int resource, bool hard) noexcept {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) {
        return 0;
    }
    const rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;
    return value == RLIM_INFINITY ? kNoLimit : value;
}

bool try_pidfd() noexcept {
    const Descriptor own{static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0))};
    return static_cast<bool>(own);
}

/// A wait for nothing is refused as such by a kernel that knows the call and a filter that lets it pass.
bool try_futex_waitv() noexcept {
#ifdef SYS_futex_waitv
    return ::syscall(SYS_futex_waitv, nullptr, 0, 0, nullptr, 0) == -1 && errno == EINVAL;
#else
    return false;
#endif
}

/// The advice for no page, which a kernel that does not know it refuses all the same; else what takes its place.
bool try_populate() noexcept {
    const std::byte here{};
    return ::madvise(nullptr, 0, MADV_POPULATE_READ) == 0 || populate_by_reading(&here, sizeof(here)) == 0;
}

bool try_future_write_seal() noexcept {
    const Descriptor file{::memfd_create("fastio-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    return file && ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0;
}

Finding judge_kernel(const Machine& machine) {
    Finding finding{"kernel", Verdict::good, "Linux " + machine.kernel_release, {}};
    if (!machine.has_pidfds || !machine.has_future_write_seal) {
        finding.verdict = Verdict::problem;
        finding.found += machine.has_pidfds ? ", without seals against new writers" : ", without pidfds";
        finding.remedy =
            "use Linux 5.16 or newer; in a sandbox (gVisor, a seccomp filter) allow pidfd_open and memfd seals";
    } else if (!machine.has_futex_waitv || !machine.has_populate) {
        finding.verdict = Verdict::warning;
        if (!machine.has_futex_waitv) {
            finding.found += ", without futex_waitv: a thread that waits for a name wakes 100 times a second";
        }
        if (!machine.has_populate) {
            finding.found += ", without MADV_POPULATE_READ and process_vm_readv: a client has 512 leases at most";
        }
        finding.remedy = "use Linux 5.16 or newer; in a container allow futex_waitv and process_vm_readv";
    } else {
        finding.found += ": pidfds, futex_waitv, sealed memory files";
    }
    if (machine.kernel_release.find("icrosoft") != std::string::npos) {
        finding.verdict = std::max(finding.verdict, Verdict::warning);
        finding.found += "; on WSL, where sharing GPU memory between processes is known to fail";
        finding.remedy = "on WSL use the device host, or run on Linux itself";
    }
    return finding;
}

Finding judge_descriptors(const Machine& machine) {
    Finding finding{"descriptors", Verdict::good, {}, {}};
    finding.found = machine.descriptors == kNoLimit ? "no limit" : fmt::format("{} at most", machine.descriptors);
    if (machine.descriptors < kFewDescriptors) {
        finding.verdict = Verdict::warning;
        finding.found +=
            fmt::format(": a service here has room for some {} clients", machine.descriptors / kDescriptorsOfAClient);
        finding.remedy = "raise the hard limit: ulimit -Hn 65536, docker --ulimit nofile=65536";
    }
    return finding;
}

Finding judge_file_bytes(const Machine& machine) {
    if (machine.file_bytes == kNoLimit) {
        return {"size of files", Verdict::good, "no limit", {}};
    }
    return {"size of files", Verdict::warning,
            fmt::format("{} bytes at most, which also bounds a slab of host memory", machine.file_bytes),
            "ulimit -f unlimited"};
}

Finding judge_pid_namespace(const Machine& machine) {
    Finding finding{"PID namespace", Verdict::good, {}, {}};
    if (machine.pid_namespace == 0) {
        finding.verdict = Verdict::problem;
        finding.found = "/proc/self/ns/pid cannot be read";
        finding.remedy = "mount /proc";
    } else if (machine.pid_namespace == machine.pid_namespace_of_init) {
        finding.found = "the machine's own";
    } else {
        finding.verdict = machine.has_gpus ? Verdict::warning : Verdict::good;
        finding.found = fmt::format(
            "of a container (inode {}): a GPU's memory is shared within one only, the host's also with "
            "others from Linux 6.5 on",
            machine.pid_namespace);
        finding.remedy = machine.has_gpus ? "start all of them in one container, or with docker --pid=host or "
                                            "--pid=container:NAME, Kubernetes hostPID or shareProcessNamespace"
                                          : "";
    }
    return finding;
}

}  // namespace

const char* to_string(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::good:
            return "ok";
        case Verdict::warning:
            return "warning";
        case Verdict::problem:
            return "problem";
    }
    return "?";
}

Machine this_machine() noexcept {
    Machine machine;
    utsname names{};
    if (::uname(&names) == 0) {
        machine.kernel_release = names.release;
    }
    machine.has_pidfds = try_pidfd();
    machine.has_futex_waitv = try_futex_waitv();
    machine.has_populate = try_populate();
    machine.has_future_write_seal = try_future_write_seal();
    machine.descriptors = limit_of(RLIMIT_NOFILE, true);
    machine.file_bytes = limit_of(RLIMIT_FSIZE, false);
    struct stat status {};
    if (::stat("/proc/self/ns/pid", &status) == 0) {
        machine.pid_namespace = status.st_ino;
    }
    machine.pid_namespace_of_init = kInitialPidNamespace;
    return machine;
}

std::vector<Finding> judge(const Machine& machine) {
    return {judge_kernel(machine), judge_descriptors(machine), judge_file_bytes(machine), judge_pid_namespace(machine)};
}

}  // namespace fastio::doctor
