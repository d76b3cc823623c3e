#include "doctor/sharing.hpp"

#include <gtest/gtest.h>

#include "device/host_memory.hpp"
#include "support/faults.hpp"
#include "support/faulty_memory.hpp"
#include "support/forwarding_memory.hpp"
#include "support/leak_check.hpp"

namespace fastio::doctor {
namespace {

using test::DeviceCall;
using test::FaultyMemory;
using test::ForwardingMemory;

constexpr std::chrono::seconds kLong{240};
const PeerProgram kDoctor{FASTIO_PROGRAM, {"doctor", "--answer-on"}};

TEST(DoctorShares, HostMemoryWithAnotherProcess) {
    const Finding finding = share(*make_host_memory(), kDoctor, kLong);
    EXPECT_EQ(finding.verdict, Verdict::good) << finding.found;
    EXPECT_EQ(finding.subject, "sharing host");
}

TEST(DoctorShares, AndSaysThatTheOtherProcessEnded) {
    const Finding finding = share(*make_host_memory(), {"/bin/false", {}}, kLong);
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("ended without an answer"), std::string::npos) << finding.found;
}

TEST(DoctorShares, AndSaysThatItDoesNotAnswer) {
    const Finding finding = share(*make_host_memory(), {"/bin/sh", {"-c", "while :; do :; done"}}, {});
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("did not answer within 0 s"), std::string::npos) << finding.found;
}

TEST(DoctorShares, AndSaysThatItCannotBeStarted) {
    const Finding finding = share(*make_host_memory(), {"/nothing/here", {}}, kLong);
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("No such file"), std::string::npos) << finding.found;
}

TEST(DoctorShares, AndSaysThatTheDeviceRefusedAndLeavesNothingBehind) {
    for (const DeviceCall call : {DeviceCall::reserve, DeviceCall::copy, DeviceCall::release}) {
        test::LeakCheck leaks;
        FaultyMemory memory(make_host_memory());
        memory.faults().fail(call, 1, Errc::device_error, "made to fail");
        const Finding finding = share(memory, kDoctor, kLong);
        EXPECT_EQ(finding.verdict, Verdict::problem);
        EXPECT_NE(finding.found.find("made to fail"), std::string::npos) << finding.found;
        EXPECT_EQ(leaks.difference(), "");
    }
}

/// Its second copy brings back what nobody wrote.
class ForgettingMemory final : public ForwardingMemory {
public:
    using ForwardingMemory::ForwardingMemory;
    void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) override {
        if (++copies_ == 1) {
            ForwardingMemory::copy(to, from, bytes, stream);
        }
    }

private:
    int copies_ = 0;
};

TEST(DoctorShares, AndSaysThatTheAnswerDidNotArrive) {
    ForgettingMemory memory(make_host_memory());
    const Finding finding = share(memory, kDoctor, kLong);
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("did not arrive"), std::string::npos) << finding.found;
}

}  // namespace
}  // namespace fastio::doctor
