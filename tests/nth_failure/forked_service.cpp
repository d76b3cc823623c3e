#include "forked_service.hpp"

#include <signal.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <vector>

#include "device/host_memory.hpp"
#include "planned_memory.hpp"
#include "seam.hpp"
#include "service/service.hpp"
#include "support/leak_check.hpp"

namespace fastio::test {
namespace {

service::Options options(const std::string& socket, int stop, bool pauses) {
    service::Options result;
    result.socket = socket;
    result.stop_descriptor = stop;
    result.pool_max = std::uint64_t{64} << 20;
    result.max_allocations = 1024;
    result.linger = std::chrono::milliseconds(pauses ? 1 : 0);
    result.log = std::make_shared<spdlog::logger>("fastiod", std::make_shared<spdlog::sinks::null_sink_mt>());
    return result;
}

std::size_t threads_of(pid_t process) {
    std::error_code gone;
    const std::filesystem::directory_iterator tasks("/proc/" + std::to_string(process) + "/task", gone);
    return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

std::string serve(Plan& plan, const std::string& socket, int stop, bool pauses) {
    // The seam lets this one end a wait and nothing else.
    ::signal(SIGUSR1, [](int) {});
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    obey(plan, Role::service);
    const LeakCheck leaks;
    {
        const std::chrono::nanoseconds grace(pauses ? 1 : 0);
        service::Service service(options(socket, stop, pauses),
                                 {std::make_shared<PlannedMemory>(make_host_memory(), grace)});
        service.run();
    }
    plan.disarm();
    return leaks.difference();
}

}  // namespace

ForkedService::ForkedService(Plan& plan, bool pauses) : stop_(::eventfd(0, EFD_CLOEXEC)) {
    process_ = std::make_unique<Forked>([this, &plan, pauses] { return serve(plan, socket_, stop_.get(), pauses); });
    pidfd_ = Descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid(), 0))};
}

void ForkedService::tell_to_stop() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(stop_.get(), &one, sizeof(one));
}

void ForkedService::finish_round(const Plan& plan) const {
    // The second wait from now began after all that is ready now was served once. A reply takes two rounds at most,
    // one for the device's worker and one for what it did.
    constexpr std::uint64_t kRounds = 4;
    const std::uint64_t until = plan.rounds + kRounds;
    while (plan.rounds < until && !is_readable(pidfd_.get())) {
        ::syscall(SYS_tgkill, pid(), pid(), SIGUSR1);
        ::sched_yield();
    }
}

std::string ForkedService::holdings() const {
    // Threads close what clients passed; the one that reserves memory stays.
    constexpr std::size_t kThatStay = 2;
    while (threads_of(pid()) > kThatStay) {
        ::sched_yield();
    }
    const std::string folder = "/proc/" + std::to_string(pid());
    std::map<std::string, int> kinds;
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        ++kinds[target.substr(0, target.find('['))];
    }
    std::ifstream maps(folder + "/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find("/memfd:") != std::string::npos) {
            ++kinds["mapping"];
        }
    }
    std::ostringstream text;
    for (const auto& [kind, count] : kinds) {
        text << kind << ' ' << count << '\n';
    }
    return text.str();
}

}  // namespace fastio::test
