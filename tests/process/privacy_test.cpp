// What another process of fastiod's user, which is not root, can see of it: nothing that its clients share.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fastio/service.hpp>
#include <stdexcept>

#include "device/descriptor.hpp"
#include "nth_failure/forked.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

constexpr uid_t kNobody = 65'534;

/// Root may look into everything.
void stop_being_root() {
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
                             ::setresuid(kNobody, kNobody, kNobody) != 0)) {
        throw std::runtime_error("could not become another user than root");
    }
}

/// Where this process gets at what belongs to another one.
std::string ways_into(pid_t pid) {
    const std::string folder = "/proc/" + std::to_string(pid);
    std::string ways;
    for (const char* const entry : {"/mem", "/maps", "/environ", "/fd", "/fd/2", "/cwd", "/map_files"}) {
        if (Descriptor{::open((folder + entry).c_str(), O_RDONLY | O_CLOEXEC)}) {
            ways += std::string(entry) + " ";
        }
    }
    const Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    if (Descriptor{static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), 2, 0))}) {
        ways += "pidfd_getfd ";
    }
    return ways;
}

TEST(Privacy, AnotherProcessOfTheUserReadsNeitherMemoryNorDescriptorsOfFastiod) {
    // One thread until here: the process is forked.
    Forked other([] {
        stop_being_root();
        if (::access(FASTIO_TEST_FASTIOD, R_OK | X_OK) != 0) {  // the kernel would hide a program that it cannot read
            return std::string("skip: " FASTIO_TEST_FASTIOD " is not readable for others than root");
        }
        const TempDir folder;
        const std::string socket = folder.file("s");
        const ChildProcess plain = ChildProcess::start("sleep", {"600"});
        const ChildProcess fastiod =
            ChildProcess::start(FASTIO_TEST_FASTIOD, {"--socket", socket, "--device", "host", "--log-level", "error"});
        const Service serves(socket, std::chrono::seconds(60));
        const std::string into_plain = ways_into(plain.pid());
        if (into_plain.find("/mem ") == std::string::npos || into_plain.find("/fd ") == std::string::npos) {
            std::string why = "skip: no process of a user can look into another one here, but for: ";
            return why.append(into_plain);
        }
        return ways_into(fastiod.pid());
    });
    const std::string said = other.wait();
    if (said.starts_with("skip: ")) {
        GTEST_SKIP() << said;
    }
    EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace fastio::test
