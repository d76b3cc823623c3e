#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "running_service.hpp"
#include "support/child_process.hpp"
#include "support/pipe.hpp"
#include "support/watchdog.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

/// What systemd is for a unit of Type=notify.
class ServiceManager {
public:
    /// As $NOTIFY_SOCKET says it.
    explicit ServiceManager(const std::string& name) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name.copy(address.sun_path, sizeof(address.sun_path));
        if (name[0] == '@') {
            address.sun_path[0] = '\0';
        }
        const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) {
            throw std::runtime_error("could not listen at " + name);
        }
    }
    /// Waits for it.
    [[nodiscard]] std::string next() const {
        std::string state(4096, '\0');
        const ssize_t bytes = ::recv(socket_.get(), state.data(), state.size(), 0);
        state.resize(bytes < 0 ? 0 : static_cast<std::size_t>(bytes));
        return state;
    }

private:
    Descriptor socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

class FastiodTest : public ::testing::Test {
protected:
    ChildProcess start(std::vector<std::string> arguments, const std::string& socket = "s") const {
        arguments.insert(arguments.begin(), {"--socket", folder.file(socket)});
        ChildOptions options;
        options.capture_output = true;
        ChildProcess fastiod = ChildProcess::start(FASTIOD, arguments, options);
        return fastiod;
    }

    /// With a service manager that listens there.
    ChildProcess start_under(const std::string& notify_socket) const {
        ChildOptions options;
        options.capture_output = true;
        options.environment = {{"NOTIFY_SOCKET", notify_socket}};
        return ChildProcess::start(FASTIOD, {"--socket", folder.file("s"), "--device", "host"}, options);
    }
    /// With standard error at this end of a pipe.
    ChildProcess start_with_log(const Descriptor& log) const {
        ChildOptions options;
        options.descriptors = {log.get()};
        return ChildProcess::start("sh", {"-c", R"(exec "$0" "$@" 2>&3 3>&-)", FASTIOD, "--socket", folder.file("s")},
                                   options);
    }
    /// Once it listens; its log does not say.
    std::unique_ptr<RawClient> first_member(ChildProcess& fastiod) const {
        while (!fastiod.try_wait()) {
            try {
                return RawClient::member(folder.file("s"));
            } catch (const Error&) {
                std::this_thread::yield();
            }
        }
        throw std::runtime_error("fastiod ended by " + to_string(fastiod.wait()));
    }

    TempDir folder;
};

TEST_F(FastiodTest, ServesAndEndsCleanlyOnSigterm) {
    ChildProcess fastiod = start({"--device", "host", "--pool-max", "8M", "--linger", "0.5"});
    fastiod.wait_for_output("listening at " + folder.file("s"));
    const auto client = RawClient::member(folder.file("s"));
    EXPECT_EQ(client->totals().pool_max, 8 * kMiB);
    EXPECT_EQ(client->create(10).capacity, 256U);
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
}

TEST_F(FastiodTest, LogsEachChangeAndEachRefusalAtDebugAndNoneOfThemAtInfo) {
    const auto work = [&](ChildProcess& fastiod) {
        const auto client = first_member(fastiod);
        const wire::CreateReply made = client->create(1000);
        client->publish(made, "a name", 1000);
        wire::Unpublish unpublish{};
        unpublish.name = text("a name");
        client->ask<wire::Ok>(unpublish);
        EXPECT_EQ(client->refused(unpublish), Errc::not_found);
        client->free(made, client->last_lease);
        client->release_hold(client->create(10));
        client->bye();
        while (RawClient::visitor(folder.file("s"))->totals().bytes_reserved != 0) {
            std::this_thread::yield();
        }
        fastiod.signal(SIGTERM);
        EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
        return fastiod.output();
    };
    ChildProcess verbose = start({"--log-level", "debug"});
    const std::string said = work(verbose);
    ChildProcess usual = start({});
    const std::string usually_said = work(usual);
    const std::string raw = " (raw[" + std::to_string(::getpid()) + "])";
    for (const std::string& line : {
             raw + " connected as user ",
             raw + " of 'job' created allocation 0.1: 1000 bytes on host\n",
             raw + " of 'job' published 'a name' as version 1 of allocation 0.1\n",
             raw + " of 'job' unpublished 'a name'\n",
             raw + " of 'job' was refused: not_found: unpublish of 'a name' failed: ",
             raw + " of 'job' freed allocation 0.1\n",
             raw + " of 'job' gave up allocation 1.1 without publishing it\n",
             std::string(" 'job' got a slab of 2097152 bytes on host\n"),
             std::string(" host took back a slab of 2097152 bytes of 'job'\n"),
         }) {
        EXPECT_NE(said.find(line), std::string::npos) << line << "\nis not in\n" << said;
        EXPECT_EQ(usually_said.find(line), std::string::npos) << usually_said;
    }
    EXPECT_NE(usually_said.find(" joined 'job'\n"), std::string::npos) << usually_said;
}

TEST_F(FastiodTest, TellsTheServiceManagerWhenItListensAndWhenItEnds) {
    const Watchdog watchdog("what the service manager is told");
    for (const std::string& name : {folder.file("manager"), "@fastiod_test " + folder.file("manager")}) {
        const ServiceManager manager(name);
        ChildProcess fastiod = start_under(name);
        EXPECT_EQ(manager.next(), "READY=1\nSTATUS=listening at " + folder.file("s"));
        EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);  // at the first attempt
        fastiod.signal(SIGTERM);
        EXPECT_EQ(manager.next(), "STOPPING=1");
        EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
        EXPECT_EQ(fastiod.output().find("warning"), std::string::npos) << fastiod.output();
    }
}

TEST_F(FastiodTest, ServesAllTheSameWhereTheServiceManagerCannotBeTold) {
    for (const std::string& name : {folder.file("nothing here"), std::string("relative"), std::string(200, '@')}) {
        ChildProcess fastiod = start_under(name);
        fastiod.wait_for_output("listening at");
        EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);
        fastiod.signal(SIGTERM);
        EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
        const std::string said = fastiod.output();
        EXPECT_NE(said.find(" warning fastiod: the service manager "), std::string::npos) << said;
        EXPECT_NE(said.find("READY=1"), std::string::npos) << said;
    }
}

TEST_F(FastiodTest, ASecondOneEndsWithStatus1) {
    ChildProcess first = start({});
    first.wait_for_output("listening");
    ChildProcess second = start({});
    EXPECT_EQ(second.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(second.output().find("already listens"), std::string::npos);
    EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);
    first.signal(SIGINT);
    EXPECT_EQ(first.wait(), (ExitStatus{0, 0}));
}

TEST_F(FastiodTest, ServesOnWhenTheReaderOfItsLogHasGone) {
    Pipe log = make_pipe();
    ChildProcess fastiod = start_with_log(log.write);
    first_member(fastiod)->bye();
    log.read.reset();
    for (int i = 0; i < 3; ++i) {
        const auto member = RawClient::member(folder.file("s"));
        EXPECT_EQ(member->create(10).capacity, 256U);
        member->bye();
    }
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
}

TEST_F(FastiodTest, ServesOnAndEndsWhenNobodyReadsItsLog) {
    const Pipe log = make_pipe();
    ::fcntl(log.write.get(), F_SETFL, O_NONBLOCK);
    while (::write(log.write.get(), "full\n", 5) > 0) {
    }
    ::fcntl(log.write.get(), F_SETFL, 0);
    ChildProcess fastiod = start_with_log(log.write);
    for (int i = 0; i < 3; ++i) {
        const auto member = first_member(fastiod);
        EXPECT_EQ(member->create(10).capacity, 256U);
        member->bye();
    }
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
}

TEST_F(FastiodTest, TakesTheSocketOfOneThatWasKilled) {
    ChildProcess first = start({});
    first.wait_for_output("listening");
    first.kill();
    ASSERT_TRUE(std::filesystem::exists(folder.file("s")));
    ChildProcess second = start({});
    second.wait_for_output("listening");
    EXPECT_EQ(RawClient::member(folder.file("s"))->totals().sessions, 1U);
}

TEST_F(FastiodTest, WrongUsageEndsWithStatus2AndOneLine) {
    using Words = std::vector<std::string>;
    for (const Words& words :
         {Words{"--no-such-option"}, Words{"--no-such\noption"}, Words{"word"}, Words{"--quota"},
          Words{"--pool-max", "many"}, Words{"--pool-max", "ma\nny"}, Words{"--log-level", "loud"},
          Words{"--max-clients", "few"}, Words{"--max-clients", "0"}, Words{"--max-contexts", "0"},
          Words{"--linger", "-1"}, Words{"--device", "no\ndevice"}, Words{"--group", "no such group"},
          Words{"--huge-pages", "often"}, Words{"--config", folder.file("none")}, Words{"--metrics", "9464"},
          Words{"--metrics", "localhost:9464"}, Words{"--metrics", "127.0.0.1:65536"}}) {
        ChildProcess fastiod = start(words);
        EXPECT_EQ(fastiod.wait(), (ExitStatus{2, 0})) << words.back();
        const std::string said = fastiod.output();
        EXPECT_TRUE(said.starts_with("fastiod: ")) << said;
        EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
    }
}

TEST_F(FastiodTest, ServesMetricsWhereItSaysThatItDoes) {
    ChildProcess fastiod = start({"--metrics", "127.0.0.1:0"});
    fastiod.wait_for_output("listening at");
    const std::string said = fastiod.output();
    const std::size_t start_of_address = said.find("metrics at http://") + 18;
    const std::string address = said.substr(start_of_address, said.find("/metrics\n") - start_of_address);
    const HttpResponse response = ask_http(address, "GET", "/metrics");
    EXPECT_EQ(response.status, 200) << said;
    EXPECT_NE(response.body.find("\nfastio_build_info{version=\"0.1.0\"} 1\n"), std::string::npos) << response.body;

    ChildProcess second = start({"--metrics", address}, "other");
    EXPECT_EQ(second.wait(), (ExitStatus{1, 0}));
    const std::string why = second.output();
    EXPECT_NE(why.find("could not listen at " + address + ": another program has this port"), std::string::npos) << why;
    EXPECT_EQ(why.find('\n'), why.size() - 1) << why;
}

TEST_F(FastiodTest, ADeviceThatIsNotThereEndsWithStatus1) {
    ChildProcess fastiod = start({"--device", "cuda:0"});
    EXPECT_EQ(fastiod.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(fastiod.output().find("cuda:0"), std::string::npos);
}

TEST_F(FastiodTest, ReadsItsOptionsFromAFile) {
    write_file(folder.file("config"), "pool-max=\"16M\"\nmax-clients=3\n");
    ChildProcess fastiod = start({"--config", folder.file("config")});
    fastiod.wait_for_output("listening");
    EXPECT_EQ(RawClient::visitor(folder.file("s"))->totals().pool_max, 16 * kMiB);
}

TEST_F(FastiodTest, RefusesWhatItDoesNotKnowInItsFile) {
    for (const char* const wrong : {"pool-maxx=8G", "pool_max=64M", "Quota=1G", "this is garbage", "[x]\nquota=1G"}) {
        write_file(folder.file("config"), wrong + std::string("\n"));
        ChildProcess fastiod = start({"--config", folder.file("config")});
        EXPECT_EQ(fastiod.wait(), (ExitStatus{2, 0})) << wrong;
    }
}

TEST_F(FastiodTest, SaysInItsLogWhoEndedIt) {
    ChildProcess fastiod = start({});
    fastiod.wait_for_output("listening");
    ASSERT_EQ(::kill(fastiod.pid(), SIGTERM), 0);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    EXPECT_NE(fastiod.output().find("ends: process " + std::to_string(::getpid()) + " of user "), std::string::npos)
        << fastiod.output();
    EXPECT_NE(fastiod.output().find(" sent SIGTERM"), std::string::npos) << fastiod.output();
}

/// Starts a program without root's privilege to look into every process: what is left is what the kernel lets processes
/// of one user see of each other.
ChildProcess start_unprivileged(std::vector<std::string> words) {
    if (::geteuid() == 0) {
        words.insert(words.begin(), {"setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"});
    }
    ChildOptions options;
    options.capture_output = true;
    return ChildProcess::start(words.front(), {words.begin() + 1, words.end()}, options);
}

TEST_F(FastiodTest, LetsNobodyOfItsUserLookIntoIt) {
    const auto look_into = [](const ChildProcess& process) {
        return start_unprivileged({"readlink", "/proc/" + std::to_string(process.pid()) + "/exe"}).wait();
    };
    if (start_unprivileged({"true"}).wait() != ExitStatus{0, 0}) {
        GTEST_SKIP() << "root may not give up a privilege here";
    }
    ChildProcess other = start_unprivileged({"sh", "-c", "echo ready; exec sleep 1000000"});
    other.wait_for_output("ready");
    if (look_into(other) != ExitStatus{0, 0}) {
        GTEST_SKIP() << "here no process may look into another of its user";
    }
    ChildProcess fastiod = start_unprivileged({FASTIOD, "--socket", folder.file("s"), "--device", "host"});
    fastiod.wait_for_output("listening");
    EXPECT_EQ(look_into(fastiod), (ExitStatus{1, 0}));
}

TEST_F(FastiodTest, SaysItsVersion) {
    ChildProcess fastiod = start({"--version"});
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    EXPECT_EQ(fastiod.output(), "fastiod 0.1.0\n");
}

}  // namespace
}  // namespace fastio::test
