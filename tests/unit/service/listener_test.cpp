#include "service/listener.hpp"

#include <grp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "running_service.hpp"
#include "support/leak_check.hpp"
#include "wire/embedded.hpp"

namespace fastio::test {
namespace {

Errc listen_fails(const std::string& path, const std::optional<std::string>& group = {}) {
    try {
        const service::Listener listener(path, group);
    } catch (const Error& error) {
        return error.errc();
    }
    return Errc{};
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

/// A socket's file that nobody listens at.
void leave_stale(const std::string& path) {
    const Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

TEST(ListenerTest, MakesThePrivateFolderAndSocketAndRemovesTheSocket) {
    const TempDir folder;
    const std::string path = folder.file("new/s");
    {
        const service::Listener listener(path, {});
        EXPECT_EQ(mode_of(folder.file("new")), 0700U);
        EXPECT_EQ(mode_of(path), 0600U);
        EXPECT_TRUE(wire::Socket::connect(path));
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.file("new")));
}

TEST(ListenerTest, AGroupWidensFolderAndSocket) {
    const group* const own = ::getgrgid(::getgid());
    ASSERT_NE(own, nullptr);
    const TempDir folder;
    const service::Listener listener(folder.file("new/s"), own->gr_name);
    EXPECT_EQ(mode_of(folder.file("new")), 0750U);
    EXPECT_EQ(mode_of(folder.file("new/s")), 0660U);
}

/// Another effective user for this thread, until the end.
class AsUser {
public:
    explicit AsUser(uid_t user) { become(user); }
    AsUser(const AsUser&) = delete;
    AsUser& operator=(const AsUser&) = delete;
    ~AsUser() { become(0); }

private:
    static void become(uid_t user) { EXPECT_EQ(::syscall(SYS_setresuid, -1, user, -1), 0); }
};

TEST(ListenerTest, AFolderOfAnotherUserThanItsOwnAndRootIsRefused) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give a folder to another user";
    }
    constexpr uid_t kNobody = 65'534;
    constexpr uid_t kSomebody = 65'533;
    const TempDir folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
    for (const auto& [name, owner] :
         {std::pair{"root's", uid_t{0}}, {"nobody's", kNobody}, {"somebody's", kSomebody}}) {
        ASSERT_TRUE(std::filesystem::create_directory(folder.file(name)));
        std::filesystem::permissions(folder.file(name), std::filesystem::perms::all);
        ASSERT_EQ(::chown(folder.file(name).c_str(), owner, static_cast<gid_t>(-1)), 0);
    }
    EXPECT_EQ(listen_fails(folder.file("root's/s")), Errc{});
    EXPECT_EQ(listen_fails(folder.file("nobody's/s")), Errc::permission_denied) << "root's service is no exception";
    const AsUser nobody(kNobody);
    EXPECT_EQ(listen_fails(folder.file("root's/s")), Errc{}) << "as /tmp is";
    EXPECT_EQ(listen_fails(folder.file("nobody's/s")), Errc{});
    EXPECT_EQ(listen_fails(folder.file("somebody's/s")), Errc::permission_denied);
    EXPECT_TRUE(std::filesystem::is_empty(folder.file("somebody's")));
}

TEST(ListenerTest, AFolderThatAnotherTakesThePlaceOfIsStillTheOneThatItWorksIn) {
    const TempDir folder;
    const std::string path = folder.file("new/s");
    {
        const service::Listener listener(path, {});
        std::filesystem::rename(folder.file("new"), folder.file("moved"));
        write_file(path, "precious");
        write_file(path + ".lock", "precious");
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder.file("moved")));
    EXPECT_EQ(std::filesystem::file_size(path), 8U);
    EXPECT_EQ(std::filesystem::file_size(path + ".lock"), 8U);
}

TEST(ListenerTest, AnUnknownGroupIsRefused) {
    const TempDir folder;
    EXPECT_EQ(listen_fails(folder.file("s"), "no such group"), Errc::invalid_argument);
}

TEST(ListenerTest, ASecondOneOnTheSameSocketIsRefused) {
    const TempDir folder;
    const service::Listener first(folder.file("s"), {});
    EXPECT_EQ(listen_fails(folder.file("s")), Errc::already_exists);
    EXPECT_TRUE(wire::Socket::connect(folder.file("s"))) << "the first still listens";
}

TEST(ListenerTest, AStaleSocketIsTakenOver) {
    const TempDir folder;
    leave_stale(folder.file("s"));
    const service::Listener listener(folder.file("s"), {});
    EXPECT_TRUE(wire::Socket::connect(folder.file("s")));
}

TEST(ListenerTest, ASocketThatIsServedWithoutTheLockIsLeftAlone) {
    const TempDir folder;
    const service::Listener first(folder.file("s"), {});
    std::filesystem::remove(folder.file("s.lock"));
    EXPECT_EQ(listen_fails(folder.file("s")), Errc::already_exists);
    EXPECT_TRUE(wire::Socket::connect(folder.file("s")));
}

TEST(ListenerTest, AFileThatIsNoSocketIsLeftAlone) {
    const TempDir folder;
    write_file(folder.file("s"), "precious");
    EXPECT_EQ(listen_fails(folder.file("s")), Errc::already_exists);
    EXPECT_EQ(std::filesystem::file_size(folder.file("s")), 8U);
}

TEST(ListenerTest, RefusesPathsThatASocketCannotHave) {
    const TempDir folder;
    EXPECT_EQ(listen_fails(""), Errc::invalid_argument);
    EXPECT_EQ(listen_fails(folder.file(std::string(120, 'x'))), Errc::invalid_argument);
    EXPECT_EQ(listen_fails(folder.file("")), Errc::invalid_argument);
    EXPECT_EQ(listen_fails("/proc/no/s"), Errc::io_error);
}

TEST(ListenerTest, OneThatFailedLeavesTheSocketForTheNext) {
    const TempDir folder;
    EXPECT_EQ(listen_fails(folder.file("s"), "no such group"), Errc::invalid_argument);
    const service::Listener listener(folder.file("s"), {});
    EXPECT_TRUE(wire::Socket::connect(folder.file("s")));
}

TEST(ListenerTest, WithoutADescriptorLeftTheNewcomerIsToldAndTheListenerLivesOn) {
    const TempDir folder;
    service::Listener listener(folder.file("s"), {});
    wire::Socket client = wire::Socket::connect(folder.file("s"));
    std::vector<Descriptor> all;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit few = before;
    few.rlim_cur = 64;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (;;) {
        Descriptor next{::dup(client.fd())};
        if (!next) {
            break;
        }
        all.push_back(std::move(next));
    }
    wire::Socket accepted;
    const auto refused = listener.accept(accepted);
    all.clear();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_EQ(refused, service::Listener::Accepted::refused);
    wire::Packet packet;
    ASSERT_EQ(client.receive(packet), wire::ReceiveResult::received);
    ASSERT_TRUE(packet.as<wire::Failure>());
    EXPECT_EQ(packet.as<wire::Failure>()->code, static_cast<int>(Errc::quota_exceeded));

    const wire::Socket next = wire::Socket::connect(folder.file("s"));
    EXPECT_EQ(listener.accept(accepted), service::Listener::Accepted::connection);
    EXPECT_EQ(listener.accept(accepted), service::Listener::Accepted::nothing);
}

TEST(EmbeddedServiceTest, ListensAtAPrivatePathAndLeavesNothing) {
    const TempDir runtime;
    ASSERT_EQ(::setenv("XDG_RUNTIME_DIR", runtime.path().c_str(), 1), 0);
    const LeakCheck leaks;
    std::string socket;
    {
        const auto embedded = wire::start_embedded_service({}, {make_host_memory()});
        socket = embedded->socket();
        EXPECT_EQ(mode_of(std::filesystem::path(socket).parent_path()), 0700U);
        const auto client = RawClient::member(socket);
        EXPECT_EQ(client->create(10).capacity, 256U);
        client->bye();
    }
    EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(socket).parent_path()));
    EXPECT_EQ(leaks.difference(), "");
}

TEST(EmbeddedServiceTest, ASecondOneAtTheSamePathIsRefused) {
    const TempDir folder;
    const auto embedded = wire::start_embedded_service(folder.file("s"), {make_host_memory()});
    try {
        (void)wire::start_embedded_service(folder.file("s"), {make_host_memory()});
        FAIL() << "two services at one socket";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::already_exists);
    }
}

class ServiceEndTest : public ServiceTest {};

TEST_F(ServiceEndTest, GivesEverythingBackAndHangsUp) {
    const auto client = member();
    client->publish(client->create(10), "x", 10);
    client->create(100 * kMiB);
    running.reset();
    EXPECT_TRUE(client->closed_after());
    EXPECT_FALSE(std::filesystem::exists(socket()));
    EXPECT_EQ(faults().calls(DeviceCall::release), 2U);
}

TEST_F(ServiceEndTest, RefusesOptionsThatMakeNoService) {
    options.socket = socket();
    options.max_clients = 0;
    EXPECT_THROW(service::Service(options, {device}), Error);
    options.max_clients = 1;
    options.max_allocations = kMostAllocations + 1;
    EXPECT_THROW(service::Service(options, {device}), Error);
    options.max_allocations = 1;
    EXPECT_THROW(service::Service(options, {}), Error);
}

}  // namespace
}  // namespace fastio::test
