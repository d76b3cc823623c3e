#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "device/host_identity.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"
#include "wire/socket_path.hpp"

namespace fastio::test {
namespace {

using namespace wire;

TEST(HostIdentity, IsThatOfThisBootAndProcess) {
    const HostIdentity identity = host_identity();
    EXPECT_EQ(identity.pid, ::getpid());
    struct stat status {};
    ASSERT_EQ(::stat("/proc/self/ns/pid", &status), 0);
    EXPECT_EQ(identity.pid_namespace, status.st_ino);

    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    std::erase(text, '-');
    std::string read;
    for (const std::uint8_t byte : identity.boot_id) {
        read += "0123456789abcdef"[byte >> 4];
        read += "0123456789abcdef"[byte & 15];
    }
    EXPECT_EQ(read, text);
}

/// The environment of one test, below a folder instead of /.
class SocketPath : public testing::Test {
protected:
    [[nodiscard]] PathEnvironment environment() {
        return {[this](const char* name) -> std::optional<std::string> {
                    const auto value = variables_.find(name);
                    return value == variables_.end() ? std::nullopt : std::optional(value->second);
                },
                ::geteuid(), root_.path().string()};
    }
    [[nodiscard]] std::string chosen(std::string_view given = {}) { return choose_socket_path(given, environment()); }
    void serve(const std::string& path) { write_file(path, ""); }

    const TempDir root_;
    const std::string uid_ = std::to_string(::geteuid());
    const std::string system_ = root_.file("run/fastio/fastiod.sock");
    const std::string run_user_ = root_.file("run/user/" + uid_);
    const std::string temporary_ = root_.file("tmp/fastio-" + uid_ + "/fastio");
    std::map<std::string, std::string> variables_;
};

TEST_F(SocketPath, WhatIsGivenWins) {
    variables_ = {{"FASTIO_SOCKET", "/a"}, {"XDG_RUNTIME_DIR", "/b"}};
    EXPECT_EQ(chosen("/c"), "/c");
}

TEST_F(SocketPath, ThenTheVariable) {
    variables_ = {{"FASTIO_SOCKET", "/a"}, {"XDG_RUNTIME_DIR", "/b"}};
    EXPECT_EQ(chosen(), "/a");
}

TEST_F(SocketPath, ThenTheRuntimeFolder) {
    variables_ = {{"XDG_RUNTIME_DIR", "/b"}};
    EXPECT_EQ(chosen(), "/b/fastio/fastiod.sock");
    EXPECT_EQ(runtime_folder(environment()), "/b/fastio");
}

TEST_F(SocketPath, ThenTheUsersFolderBelowRunWhereItExists) {
    std::filesystem::create_directories(run_user_);
    EXPECT_EQ(chosen(), run_user_ + "/fastio/fastiod.sock");
}

TEST_F(SocketPath, ThenTheUsersFolderBelowTmp) {
    EXPECT_EQ(chosen(), temporary_ + "/fastiod.sock");
    EXPECT_EQ(runtime_folder(environment()), temporary_);
}

TEST_F(SocketPath, TheSystemsServiceIsUsedWhereTheUserHasNone) {
    serve(system_);
    EXPECT_EQ(chosen(), system_);
    serve(temporary_ + "/fastiod.sock");
    EXPECT_EQ(chosen(), temporary_ + "/fastiod.sock");
}

TEST_F(SocketPath, TheSystemsServiceIsUsedWhereTheRuntimeFolderIsEmpty) {
    variables_ = {{"XDG_RUNTIME_DIR", root_.file("xdg")}};
    serve(system_);
    EXPECT_EQ(chosen(), system_);
    serve(root_.file("xdg/fastio/fastiod.sock"));
    EXPECT_EQ(chosen(), root_.file("xdg/fastio/fastiod.sock"));
}

TEST_F(SocketPath, ASystemsServiceThatIsClosedToTheUserIsNamed) {
    const std::string own = temporary_ + "/fastiod.sock";
    serve(system_);
    EXPECT_EQ(remedy_for_closed_system(own, environment()), "");
    std::filesystem::permissions(root_.path(), std::filesystem::perms::all);
    std::filesystem::permissions(root_.file("run/fastio"), std::filesystem::perms::none);
    ::setfsuid(65'534);  // root may look into every folder
    const bool is_root_still = ::geteuid() == 0 && ::setfsuid(-1) != 65'534;
    const std::string remedy = remedy_for_closed_system(own, environment());
    const std::string chosen_then = chosen();
    const std::string of_another = remedy_for_closed_system("/a", environment());
    ::setfsuid(::geteuid());
    std::filesystem::permissions(root_.file("run/fastio"), std::filesystem::perms::owner_all);
    if (is_root_still) {
        GTEST_SKIP() << "root may not become another user here";
    }
    EXPECT_EQ(remedy, "; " + root_.file("run/fastio") +
                          ", where the machine's own service may listen, is closed to this user: join its group");
    EXPECT_EQ(chosen_then, own);
    EXPECT_EQ(of_another, "");
}

TEST_F(SocketPath, AServiceOfTheUserStartsBesideTheSystems) {
    serve(system_);
    EXPECT_EQ(choose_listening_path({}, environment()), temporary_ + "/fastiod.sock");
    variables_ = {{"XDG_RUNTIME_DIR", "/b"}};
    EXPECT_EQ(choose_listening_path({}, environment()), "/b/fastio/fastiod.sock");
    variables_["FASTIO_SOCKET"] = "/a";
    EXPECT_EQ(choose_listening_path({}, environment()), "/a");
    EXPECT_EQ(choose_listening_path("/c", environment()), "/c");
}

TEST_F(SocketPath, ALinkInAPublicFolderIsNotFollowed) {
    serve(system_);
    serve(root_.file("elsewhere/fastiod.sock"));
    std::filesystem::create_directories(std::filesystem::path(temporary_).parent_path());
    std::filesystem::create_directory_symlink(root_.file("elsewhere"), temporary_);
    EXPECT_EQ(chosen(), system_);
}

TEST_F(SocketPath, AFolderOfAnotherUserIsNotTrusted) {
    serve(system_);
    serve(temporary_ + "/fastiod.sock");
    PathEnvironment other = environment();
    other.uid = ::geteuid() + 1;
    const std::string of_other = root_.file("tmp/fastio-" + std::to_string(other.uid) + "/fastio");
    serve(of_other + "/fastiod.sock");  // this user's files under the other's name
    EXPECT_EQ(choose_socket_path({}, other), system_);
}

TEST(SocketPathOfProcess, GivenWins) {
    EXPECT_EQ(default_socket_path("/given/path"), "/given/path");
    EXPECT_EQ(default_listening_path("/given/path"), "/given/path");
}

}  // namespace
}  // namespace fastio::test
