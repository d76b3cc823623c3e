#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "support/pid_namespace.hpp"

namespace fastio::test {
namespace {

using Json = nlohmann::json;

std::map<std::string, Json> by_subject(const Json& report) {
    std::map<std::string, Json> findings;
    for (const Json& finding : report.at("findings")) {
        findings[finding.at("subject")] = finding;
    }
    return findings;
}

TEST(Doctor, really_shares_host_memory) {
    const TempDir folder;  // nobody's runtime folder: there is no service
    const CommandResult result = Command(std::map<std::string, std::string>{{"XDG_RUNTIME_DIR", folder.path()}})(
        {"doctor", "--device", "host", "--json"});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    EXPECT_EQ(result.err, "");
    const Json report = Json::parse(result.out);
    EXPECT_NE(report.at("verdict"), "problem");
    std::map<std::string, Json> findings = by_subject(report);
    EXPECT_EQ(findings.at("sharing host").at("verdict"), "ok");
    for (const char* const subject : {"kernel", "descriptors", "size of files", "PID namespace", "CUDA", "service"}) {
        EXPECT_TRUE(findings.contains(subject)) << subject;
    }
}

TEST(Doctor, shows_a_table) {
    const TempDir folder;
    const CommandResult result =
        Command(std::map<std::string, std::string>{{"XDG_RUNTIME_DIR", folder.path()}})({"doctor", "--device", "host"});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    EXPECT_NE(result.out.find("sharing host"), std::string::npos) << result.out;
}

TEST(Doctor, finds_that_the_service_it_was_told_of_is_not_there) {
    const CommandResult told = Command()({"doctor", "--device", "host", "--socket", "/nothing/here", "--json"});
    EXPECT_EQ(told.status, (ExitStatus{1, 0})) << told.err;
    EXPECT_EQ(by_subject(Json::parse(told.out)).at("service").at("verdict"), "problem");
    const CommandResult by_environment = Command(std::map<std::string, std::string>{
        {"FASTIO_SOCKET", "/nothing/here"}})({"doctor", "--device", "host", "--json"});
    EXPECT_EQ(by_environment.status, (ExitStatus{1, 0})) << by_environment.err;
    const Json service = by_subject(Json::parse(by_environment.out)).at("service");
    EXPECT_NE(service.at("remedy").get<std::string>().find("$FASTIO_SOCKET"), std::string::npos) << service;
}

TEST(Doctor, uses_a_service_that_runs) {
    const Daemon daemon;
    const CommandResult result = daemon.command()({"doctor", "--device", "host", "--json"});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    const Json service = by_subject(Json::parse(result.out)).at("service");
    EXPECT_EQ(service.at("verdict"), "ok");
    EXPECT_NE(service.at("found").get<std::string>().find("created, published and gave"), std::string::npos);
    EXPECT_EQ(Json::parse(daemon.command()({"ls", "--json"}).out), Json::array());
}

TEST(Doctor, finds_a_service_that_is_stopped) {
    Daemon daemon;
    daemon.process().stop();
    const CommandResult result = daemon.command()({"doctor", "--device", "host", "--json"});
    daemon.process().resume();
    EXPECT_EQ(result.status, (ExitStatus{1, 0})) << result.err;
    const Json service = by_subject(Json::parse(result.out)).at("service");
    EXPECT_EQ(service.at("verdict"), "problem");
    EXPECT_NE(service.at("remedy").get<std::string>().find("kill -CONT"), std::string::npos);
}

TEST(Doctor, warns_of_a_service_in_another_pid_namespace) {
    std::vector<std::string> words = in_another_pid_namespace();
    if (words.empty()) {
        GTEST_SKIP() << "no PID namespace can be made here";
    }
    const Daemon daemon;
    words.insert(words.end(), {FASTIO_PROGRAM, "doctor", "--device", "host", "--json", "--socket", daemon.socket()});
    ChildOptions options;
    options.capture_output = true;
    ChildProcess doctor = ChildProcess::start("unshare", words, options);
    static_cast<void>(doctor.wait());
    const Json service = by_subject(Json::parse(doctor.output())).at("service");
    EXPECT_EQ(service.at("verdict"), "warning") << service;
    EXPECT_NE(service.at("found").get<std::string>().find(" in another PID namespace "), std::string::npos) << service;
    EXPECT_NE(service.at("remedy").get<std::string>().find("--pid=host"), std::string::npos) << service;
}

TEST(Doctor, fails_for_a_device_that_is_not_there) {
    for (const char* const device : {"cuda:99", "no-device"}) {
        const TempDir folder;
        const CommandResult result = Command(std::map<std::string, std::string>{{"XDG_RUNTIME_DIR", folder.path()}})(
            {"doctor", "--device", device, "--json"});
        EXPECT_EQ(result.status, (ExitStatus{1, 0}));
        EXPECT_NE(result.err.find("1 of "), std::string::npos) << result.err;
        const Json finding = by_subject(Json::parse(result.out)).at(std::string("sharing ") + device);
        EXPECT_EQ(finding.at("verdict"), "problem");
    }
}

TEST(Doctor, keeps_its_other_half_for_itself) {
    EXPECT_EQ(Command()({"doctor", "--answer-on", "99"}).status, (ExitStatus{1, 0}));
    EXPECT_EQ(Command()({"doctor", "--help"}).out.find("answer-on"), std::string::npos);
}

}  // namespace
}  // namespace fastio::test
