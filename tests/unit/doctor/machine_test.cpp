#include "doctor/machine.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace fastio::doctor {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

Machine good_machine() {
    Machine machine;
    machine.kernel_release = "6.1.0-18-amd64";
    machine.has_pidfds = true;
    machine.has_futex_waitv = true;
    machine.has_populate = true;
    machine.has_future_write_seal = true;
    machine.descriptors = 65536;
    machine.file_bytes = kNoLimit;
    machine.pid_namespace = 7;
    machine.pid_namespace_of_init = 7;
    machine.has_gpus = true;
    return machine;
}

Finding finding_about(const std::string& subject, const Machine& machine) {
    for (Finding& finding : judge(machine)) {
        if (finding.subject == subject) {
            return finding;
        }
    }
    ADD_FAILURE() << "nothing about " << subject;
    return {};
}

TEST(DoctorOnMachines, AGoodOneHasNothingToDo) {
    const std::vector<Finding> findings = judge(good_machine());
    EXPECT_EQ(findings.size(), 4U);
    for (const Finding& finding : findings) {
        EXPECT_EQ(finding.verdict, Verdict::good) << finding.subject;
        EXPECT_EQ(finding.remedy, "") << finding.subject;
        EXPECT_NE(finding.found, "") << finding.subject;
    }
}

TEST(DoctorOnMachines, WithoutPidfdsOrSealsNothingWorks) {
    Machine machine = good_machine();
    machine.has_pidfds = false;
    Finding finding = finding_about("kernel", machine);
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("without pidfds"), std::string::npos);
    EXPECT_NE(finding.remedy, "");

    machine = good_machine();
    machine.has_future_write_seal = false;
    finding = finding_about("kernel", machine);
    EXPECT_EQ(finding.verdict, Verdict::problem);
    EXPECT_NE(finding.found.find("seals"), std::string::npos);
}

TEST(DoctorOnMachines, TheLeastKernelIsOneEverywhere) {
    Machine machine = good_machine();
    machine.has_futex_waitv = false;
    EXPECT_NE(finding_about("kernel", machine).remedy.find("Linux 5.16 or newer"), std::string::npos);
    machine.has_pidfds = false;
    EXPECT_NE(finding_about("kernel", machine).remedy.find("Linux 5.16 or newer"), std::string::npos);
}

TEST(DoctorOnMachines, WithoutFutexWaitvAllWorksAndIsWarnedOf) {
    Machine machine = good_machine();
    machine.has_futex_waitv = false;
    EXPECT_EQ(finding_about("kernel", machine).verdict, Verdict::warning);
}

TEST(DoctorOnMachines, WithoutPopulateAClientsLeasesAreFew) {
    Machine machine = good_machine();
    machine.has_populate = false;
    const Finding finding = finding_about("kernel", machine);
    EXPECT_EQ(finding.verdict, Verdict::warning);
    EXPECT_NE(finding.found.find("512 leases"), std::string::npos) << finding.found;
}

TEST(DoctorOnMachines, WslIsWarnedOfAndDoesNotHideAProblem) {
    Machine machine = good_machine();
    machine.kernel_release = "5.15.153.1-microsoft-standard-WSL2";
    EXPECT_EQ(finding_about("kernel", machine).verdict, Verdict::warning);
    EXPECT_NE(finding_about("kernel", machine).remedy.find("WSL"), std::string::npos);
    machine.has_pidfds = false;
    EXPECT_EQ(finding_about("kernel", machine).verdict, Verdict::problem);
}

TEST(DoctorOnMachines, FewDescriptorsSayHowManyClientsTheyAreFor) {
    Machine machine = good_machine();
    machine.descriptors = 256;
    const Finding finding = finding_about("descriptors", machine);
    EXPECT_EQ(finding.verdict, Verdict::warning);
    EXPECT_NE(finding.found.find("51 clients"), std::string::npos) << finding.found;
    machine.descriptors = kNoLimit;
    EXPECT_EQ(finding_about("descriptors", machine).found, "no limit");
}

TEST(DoctorOnMachines, ALimitOnFilesBoundsHostMemory) {
    Machine machine = good_machine();
    machine.file_bytes = 1 << 20;
    EXPECT_EQ(finding_about("size of files", machine).verdict, Verdict::warning);
}

TEST(DoctorOnMachines, AContainersPidNamespaceMattersForGpusOnly) {
    Machine machine = good_machine();
    machine.pid_namespace = 4026532448;
    EXPECT_EQ(finding_about("PID namespace", machine).verdict, Verdict::warning);
    EXPECT_NE(finding_about("PID namespace", machine).found.find("4026532448"), std::string::npos);
    machine.has_gpus = false;
    EXPECT_EQ(finding_about("PID namespace", machine).verdict, Verdict::good);
    machine.pid_namespace = 0;
    EXPECT_EQ(finding_about("PID namespace", machine).verdict, Verdict::problem);
}

TEST(DoctorOnMachines, ThisOneRunsTheseTestsSoItHasWhatTheyNeed) {
    const Machine machine = this_machine();
    EXPECT_TRUE(machine.has_pidfds);
    EXPECT_TRUE(machine.has_future_write_seal);
    EXPECT_NE(machine.kernel_release, "");
    EXPECT_GT(machine.descriptors, 0U);
    EXPECT_GT(machine.file_bytes, 0U);
    EXPECT_NE(machine.pid_namespace, 0U);
}

}  // namespace
}  // namespace fastio::doctor
