// A service and its clients in containers: neither's PID namespace shows the other.
#include <gtest/gtest.h>

#include <fastio/fastio.hpp>
#include <string>
#include <vector>

#include "support/child_process.hpp"
#include "support/pid_namespace.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

TEST(PidNamespaces, HostMemoryIsSharedWithAServiceThatDoesNotSeeTheClientsProcess) {
    std::vector<std::string> words = in_another_pid_namespace();
    if (words.empty()) {
        GTEST_SKIP() << "no PID namespace can be made here";
    }
    const TempDir folder;
    const std::string socket = folder.file("s");
    words.insert(words.end(),
                 {"--kill-child", FASTIO_TEST_FASTIOD, "--socket", socket, "--device", "host", "--log-level", "error"});
    const ChildProcess fastiod = ChildProcess::start("unshare", words);
    try {
        Context context({.job = "job", .socket = socket, .connect_timeout = std::chrono::seconds(60)});
        Allocation made = context.create(4096);
        made.as_span<std::uint8_t>()[7] = 42;
        made.publish("name");
        EXPECT_EQ(context.get("name").as_span<const std::uint8_t>()[7], 42);
        ASSERT_EQ(Service(socket).sessions().size(), 1U);
        EXPECT_EQ(Service(socket).sessions()[0].pid, 0) << "the service sees this process after all";
    } catch (const Error& error) {
        if (error.errc() == Errc::permission_denied) {
            GTEST_SKIP() << error.what();  // before Linux 6.5
        }
        throw;
    }
}

}  // namespace
}  // namespace fastio::test
