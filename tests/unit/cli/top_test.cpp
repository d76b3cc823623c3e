#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include <fastio/context.hpp>

#include "command.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

using Json = nlohmann::json;

class Top : public testing::Test {
protected:
    [[nodiscard]] Context join(const std::string& job = "ct-42") const {
        ContextOptions options;
        options.job = job;
        options.socket = daemon_.socket();
        return Context(options);
    }

    /// `fastio top` that writes to this descriptor, which is closed here.
    [[nodiscard]] ChildProcess start_to(Descriptor& output) const {
        ChildOptions options;
        options.descriptors = {output.get()};
        options.environment = {{"FASTIO_SOCKET", daemon_.socket()}};
        ChildProcess top = ChildProcess::start("/bin/sh", {"-c", "exec \"$0\" top >&3 3>&-", FASTIO_PROGRAM}, options);
        output.reset();
        return top;
    }

    Daemon daemon_;
    Command fastio_ = daemon_.command();
};

Json last_document(const std::string& output) {
    std::istringstream lines(output.substr(0, output.rfind('\n')));
    Json last;
    for (std::string line; std::getline(lines, line);) {
        last = Json::parse(line);  // each line is a document
    }
    return last;
}

TEST_F(Top, prints_a_document_at_the_start_and_after_each_change_until_it_is_interrupted) {
    ChildProcess top = fastio_.start({"top", "--json"});
    top.wait_for_output("\n");
    EXPECT_EQ(last_document(top.output()).at("contexts"), Json::array());
    {
        Context context = join();
        top.wait_for_output("\"job\":\"ct-42\"");
        Allocation made = context.create(100);
        made.publish("x");
        top.wait_for_output("\"publications\":1");
        EXPECT_FALSE(last_document(top.output()).contains("allocations"));
    }
    while (!last_document(top.output()).at("contexts").empty()) {
    }
    top.signal(SIGINT);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
}

TEST_F(Top, of_a_job_shows_it_when_it_comes_and_no_other) {
    ChildProcess top = fastio_.start({"top", "--json", "--job", "ct-42"});
    top.wait_for_output("\n");
    const Context other = join("other");
    Context context = join();
    Allocation made = context.create(100);
    made.publish("x");
    top.wait_for_output("\"names\":[\"x\"]");
    Json shown;
    while (shown["allocations"].empty()) {
        shown = last_document(top.output());
    }
    EXPECT_EQ(shown.at("contexts").size(), 1U);
    EXPECT_EQ(shown.at("allocations").size(), 1U);
    EXPECT_EQ(top.output().find("\"other\""), std::string::npos) << top.output();
    top.signal(SIGTERM);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
}

TEST_F(Top, shows_what_stat_shows) {
    const Context context = join();
    ChildProcess top = fastio_.start({"top"});
    top.wait_for_output("ct-42");
    EXPECT_NE(top.output().find("in use and"), std::string::npos) << top.output();
    EXPECT_EQ(top.output().find('\x1b'), std::string::npos) << "it is no terminal";
    top.signal(SIGINT);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
}

TEST_F(Top, redraws_on_a_terminal) {
    Descriptor terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(terminal);
    ASSERT_EQ(::grantpt(terminal.get()), 0);
    ASSERT_EQ(::unlockpt(terminal.get()), 0);
    char name[64] = {};
    ASSERT_EQ(::ptsname_r(terminal.get(), name, sizeof name), 0);
    Descriptor shown(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(shown);
    const winsize size{4, 20, 0, 0};
    ASSERT_EQ(::ioctl(terminal.get(), TIOCSWINSZ, &size), 0);
    ChildProcess top = start_to(shown);
    std::string drawn;
    const auto read_until = [&](const std::string& text) {
        for (char bytes[4096]; drawn.find(text) == std::string::npos;) {
            const ssize_t count = ::read(terminal.get(), bytes, sizeof bytes);
            ASSERT_GT(count, 0);
            drawn.append(bytes, static_cast<std::size_t>(count));
        }
    };
    read_until("\x1b[J");
    EXPECT_TRUE(drawn.starts_with("\x1b[Hservice ")) << drawn;
    EXPECT_EQ(drawn.find("quarantined"), std::string::npos) << "it has 20 columns only\n" << drawn;
    drawn.clear();
    const Context context = join();
    read_until("\n1 sessions, 1 contex\x1b[K");
    EXPECT_NE(drawn.find("\x1b[Hservice "), std::string::npos) << drawn;
    top.signal(SIGINT);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
}

TEST_F(Top, is_interrupted_also_where_nobody_reads) {
    Pipe pipe = make_pipe();
    ASSERT_GT(::fcntl(pipe.write.get(), F_SETPIPE_SZ, 4096), 0);
    Descriptor own(::fcntl(pipe.write.get(), F_DUPFD_CLOEXEC, 0));
    ChildProcess top = start_to(pipe.write);
    Context context = join();
    const auto is_full = [&] {
        pollfd room{own.get(), POLLOUT, 0};
        return ::poll(&room, 1, 0) == 0;
    };
    for (int i = 0; !is_full(); ++i) {
        Allocation made = context.create(1);
        made.publish("x" + std::to_string(i));
        made.free();
    }
    top.signal(SIGTERM);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
}

TEST_F(Top, is_interrupted_also_where_the_service_does_not_answer) {
    ChildProcess top = fastio_.start({"top", "--json"});
    top.wait_for_output("\n");
    {
        const Context context = join();
        daemon_.process().stop();
    }
    top.signal(SIGINT);
    EXPECT_EQ(top.wait(), (ExitStatus{0, 0}));
    daemon_.process().resume();
}

TEST_F(Top, ends_with_an_error_when_the_service_does) {
    ChildProcess top = fastio_.start({"top"});
    top.wait_for_output("\n");
    daemon_.process().kill();
    EXPECT_EQ(top.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(top.output().find("\nfastio: "), std::string::npos) << top.output();
}

}  // namespace
}  // namespace fastio::test
