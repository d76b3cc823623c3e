// `fastio doctor` on machines with fake GPUs, each as an engineer may meet it.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include <fastio/service.hpp>

#include "support/child_process.hpp"
#include "support/pid_namespace.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

using Json = nlohmann::json;

struct Report {
    int status = -1;
    std::map<std::string, Json> findings{};

    [[nodiscard]] std::string verdict(const std::string& subject) const { return text(subject, "verdict"); }
    [[nodiscard]] std::string found(const std::string& subject) const { return text(subject, "found"); }
    [[nodiscard]] std::string remedy(const std::string& subject) const { return text(subject, "remedy"); }
    [[nodiscard]] std::string text(const std::string& subject, const char* key) const {
        const auto finding = findings.find(subject);
        return finding == findings.end() ? "nothing about " + subject : finding->second.at(key).get<std::string>();
    }
};

Report examine(const std::map<std::string, std::string>& machine = {}) {
    const TempDir folder;  // nobody's runtime folder: there is no service
    ChildOptions options;
    options.environment = machine;
    options.environment["XDG_RUNTIME_DIR"] = folder.path();
    options.unset = {"FASTIO_SOCKET"};
    options.capture_output = true;
    ChildProcess doctor = ChildProcess::start(FASTIO_PROGRAM, {"doctor", "--json"}, options);
    Report report;
    report.status = doctor.wait().code;
    const std::string output = doctor.output();
    const Json json = Json::parse(output.substr(0, output.rfind("\n}") + 2));
    EXPECT_EQ(json.at("library"), "emulator");
    for (const Json& finding : json.at("findings")) {
        report.findings[finding.at("subject")] = finding;
    }
    return report;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(DoctorOnFakeGpus, SharesTheMemoryOfEach) {
    const Report report = examine();
    EXPECT_EQ(report.status, 0);
    EXPECT_EQ(report.verdict("sharing cuda:0"), "ok") << report.found("sharing cuda:0");
    EXPECT_EQ(report.verdict("sharing cuda:1"), "ok") << report.found("sharing cuda:1");
    EXPECT_TRUE(contains(report.found("cuda:0"), "ordered between processes by its streams"));
}

TEST(DoctorOnFakeGpus, SaysWhatIsWrongWithADriver) {
    for (const auto& [driver, code] :
         std::map<std::string, std::string>{{"missing", "(35)"}, {"stub", "(34)"}, {"no-gpu", "(100)"}}) {
        const Report report = examine({{"FASTIO_EMU_DRIVER", driver}});
        EXPECT_EQ(report.status, 0);
        EXPECT_EQ(report.verdict("CUDA"), "warning");
        EXPECT_TRUE(contains(report.remedy("CUDA"), code)) << report.remedy("CUDA");
        EXPECT_EQ(report.verdict("sharing host"), "ok");
    }
}

TEST(DoctorOnFakeGpus, SaysThatGpusCannotReachEachOther) {
    const Report report = examine({{"FASTIO_EMU_P2P", "0"}});
    EXPECT_EQ(report.status, 0);
    EXPECT_EQ(report.verdict("sharing cuda:0"), "warning");
    EXPECT_TRUE(contains(report.found("sharing cuda:0"), "not from cuda:1")) << report.found("sharing cuda:0");
}

TEST(DoctorOnFakeGpus, SaysThatOneIsExclusive) {
    const Report report = examine({{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}});
    EXPECT_EQ(report.status, 1);
    EXPECT_EQ(report.verdict("cuda:0"), "problem");
    EXPECT_TRUE(contains(report.remedy("cuda:0"), "-c DEFAULT"));
}

TEST(DoctorOnFakeGpus, SaysThatStreamsCannotWait) {
    const Report report = examine({{"FASTIO_EMU_STREAM_MEMORY_OPERATIONS", "0"}});
    EXPECT_EQ(report.status, 0);
    EXPECT_EQ(report.verdict("cuda:0"), "warning");
    EXPECT_EQ(report.verdict("sharing cuda:0"), "ok");
}

TEST(DoctorOnFakeGpus, SaysThatOpeningFailsWithItsCode) {
    const Report report = examine({{"FASTIO_EMU_OTHER_KERNEL", "1"}});
    EXPECT_EQ(report.status, 1);
    EXPECT_EQ(report.verdict("sharing cuda:0"), "problem");
    EXPECT_TRUE(contains(report.found("sharing cuda:0"), "400")) << report.found("sharing cuda:0");
}

TEST(DoctorOnFakeGpus, SaysThatAServiceIsInAnotherPidNamespace) {
    std::vector<std::string> words = in_another_pid_namespace();
    if (words.empty()) {
        GTEST_SKIP() << "no PID namespace can be made here";
    }
    const TempDir folder;
    ChildOptions options;
    options.capture_output = true;
    const std::string socket = folder.file("s");
    const ChildProcess fastiod =
        ChildProcess::start(FASTIOD_PROGRAM, {"--socket", socket, "--device", "cuda:0"}, options);
    static_cast<void>(Service(socket, std::chrono::seconds(60)));
    words.insert(words.end(), {FASTIO_PROGRAM, "doctor", "--device", "host", "--socket", socket});
    ChildProcess doctor = ChildProcess::start("unshare", words, options);
    EXPECT_EQ(doctor.wait(), (ExitStatus{1, 0})) << doctor.output();
    EXPECT_TRUE(contains(doctor.output(), "service        problem  ")) << doctor.output();
    EXPECT_TRUE(contains(doctor.output(), " in another PID namespace (inode ")) << doctor.output();
}

TEST(DoctorOnFakeGpus, SaysThatTheMemoryIsUsedUp) {
    const Report report = examine({{"FASTIO_EMU_OUT_OF_MEMORY_AFTER", "0"}});
    EXPECT_EQ(report.status, 1);
    EXPECT_EQ(report.verdict("sharing cuda:0"), "problem");
    EXPECT_EQ(report.verdict("sharing host"), "ok");
}

}  // namespace
}  // namespace fastio::test
