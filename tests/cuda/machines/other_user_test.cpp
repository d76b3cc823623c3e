// Another user at the service's socket. A slab's handle says nothing of users: who may have one is decided before any
// leaves the service, by the credentials of the connection.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

/// In a thread of its own, whose connections are that user's. False, and nothing is called, where the system refuses.
template <class Call>
bool as_nobody(Call&& call) {
    return std::async(std::launch::async,
                      [&] {
                          constexpr uid_t kNobody = 65'534;
                          if (::syscall(SYS_setresuid, -1, kNobody, -1) != 0) {  // of this thread only
                              return false;
                          }
                          call();
                          return true;
                      })
        .get();
}

TEST(AnotherUserOfTheGpu, GetsNothingOfAJobAndCudaIsNeverAsked) {
    if (::geteuid() != 0 || !as_nobody([] {})) {
        GTEST_SKIP() << "needs root that may act for other users, to connect as another one";
    }
    const Watchdog watchdog("another user");
    const auto opened = [] { return cudart_emulator::find()->calls("cudaIpcOpenMemHandle"); };
    const std::uint64_t before = opened();
    const ServiceProcess service;
    StreamOperator owner(service.socket());
    // Everybody may knock.
    ASSERT_EQ(::chmod(std::filesystem::path(service.socket()).parent_path().c_str(), 0711), 0);
    ASSERT_EQ(::chmod(service.socket().c_str(), 0666), 0);
    ASSERT_EQ(owner.ask("create a 4096"), "ok");
    ASSERT_EQ(owner.ask("put a 7"), "ok");
    ASSERT_EQ(owner.ask("publish a name"), "ok");
    int gpus = 0;
    ASSERT_EQ(cudaGetDeviceCount(&gpus), cudaSuccess);  // the machine's files are root's

    EXPECT_TRUE(as_nobody([&] {
        const auto options = [&](const char* job) { return ContextOptions{.job = job, .socket = service.socket()}; };
        EXPECT_EQ(errc_of([&] { const Context context(options("job")); }), Errc::permission_denied);
        Context own(options("another job"));
        EXPECT_FALSE(own.find("name").has_value());
        EXPECT_TRUE(own.list().empty());
    }));
    EXPECT_EQ(opened(), before);
    EXPECT_EQ(owner.ask("see a 7"), "right");
}

}  // namespace
}  // namespace fastio::test
