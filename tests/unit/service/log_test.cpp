#include "service/log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <spdlog/logger.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include "support/pipe.hpp"

namespace fastio::test {
namespace {

/// Both ends of something that a log may be written to; `write` as it would be inherited, without O_NONBLOCK.
class LogTest : public ::testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        ::getrlimit(RLIMIT_NOFILE, &limit);
        const std::string kind = GetParam();
#ifdef FASTIO_TEST_UNDEFINED
        if (kind == "PipeThatCannotBeOpenedAgain") {
            GTEST_SKIP()
                << "UndefinedBehaviorSanitizer looks at memory through a pipe, and takes a failure for a finding";
        }
#endif
        if (kind == "Socket") {
            int both[2] = {-1, -1};
            EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
            ends.read = Descriptor{both[0]};
            ends.write = Descriptor{both[1]};
        } else if (kind == "Terminal") {
            ends.read = Descriptor{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
            EXPECT_EQ(::grantpt(ends.read.get()), 0);
            EXPECT_EQ(::unlockpt(ends.read.get()), 0);
            ends.write = Descriptor{::open(::ptsname(ends.read.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
        } else {
            ends = make_pipe();
        }
        ::fcntl(ends.read.get(), F_SETFL, O_NONBLOCK);
        log = service::make_log("name", ends.write.get());
        log->set_pattern("%v");
        if (kind == "PipeThatCannotBeOpenedAgain") {
            const rlimit none{1, limit.rlim_max};  // poll takes as many as the limit says
            ::setrlimit(RLIMIT_NOFILE, &none);
        }
    }
    ~LogTest() override {
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }

    /// All that can be read now, lines ending as they were written.
    [[nodiscard]] std::string read_all() const {
        std::string text;
        char part[4096];
        for (ssize_t got = 0; (got = ::read(ends.read.get(), part, sizeof(part))) > 0;) {
            text.append(part, static_cast<std::size_t>(got));
        }
        std::erase(text, '\r');
        return text;
    }
    /// A terminal hands on what it was given a moment later.
    [[nodiscard]] std::string read_until(std::string_view last) const {
        std::string text;
        while (!text.ends_with(last)) {
            text += read_all();
            std::this_thread::yield();
        }
        return text;
    }
    /// Returns how often it had to: a terminal sees room only a moment after somebody has read.
    int log_until_read(const std::string& line, std::string& text) const {
        int times = 0;
        do {
            log->info(line);
            ++times;
            text += read_all();
            std::this_thread::yield();
        } while (!text.ends_with(line + '\n'));
        return times;
    }
    [[nodiscard]] static std::string line_of(int number) {
        return std::to_string(number) + " " + std::string(990, 'x') + "\n";
    }
    /// Nobody reads; returns how many lines were logged, more than anything here holds.
    int log_until_full() {
        const int lines = 5000;
        for (int i = 0; i < lines; ++i) {
            const std::string line = line_of(i);
            log->info("{}", std::string_view(line).substr(0, line.size() - 1));
        }
        return lines;
    }

    Pipe ends;
    std::shared_ptr<spdlog::logger> log;
    rlimit limit{};
};

TEST_P(LogTest, WritesLines) {
    log->info("one");
    log->warn("two {}", 2);
    EXPECT_EQ(read_all(), "one\ntwo 2\n");
}

TEST_P(LogTest, ThatNobodyReadsLosesLinesAndSaysHowMany) {
    const int written = log_until_full();
    std::string text = read_all();
    const int afters = log_until_read("after", text);
    // A terminal may have found room again and again.
    std::istringstream lines(text);
    int next = 0;
    int losses = 0;
    for (std::string line; std::getline(lines, line);) {
        int lost = 0;
        if (std::sscanf(line.c_str(), "%d lines of this log were lost: there was no room for them", &lost) == 1 &&
            line.ends_with("for them")) {
            EXPECT_GT(lost, 0);
            next += lost;
            ++losses;
        } else {
            EXPECT_EQ(line + '\n', next < written ? line_of(next) : "after\n");
            ++next;
        }
    }
    EXPECT_EQ(next, written + afters);
    EXPECT_GT(losses, 0);
}

TEST_P(LogTest, SaysAtItsEndHowManyLinesWereLost) {
    log_until_full();
    std::string text = read_all();
    log.reset();
    text += read_until("lines of this log were lost: there was no room for them\n");
}

TEST_P(LogTest, LeavesTheFileThatOthersShareAsItWas) {
    const int before = ::fcntl(ends.write.get(), F_GETFL);
    log_until_full();
    EXPECT_EQ(::fcntl(ends.write.get(), F_GETFL), before);
    EXPECT_EQ(before & O_NONBLOCK, 0);
}

TEST_P(LogTest, CutsALineThatAPipeWouldTakeInParts) {
    log->info("{}", std::string(2 * PIPE_BUF, 'x'));
    std::string text = read_all();
    const int nexts = log_until_read("next", text);  // a terminal took a part of the first one
    std::string expected(PIPE_BUF - 1, 'x');
    expected += "\n";
    EXPECT_TRUE(text.starts_with(expected)) << text;
    EXPECT_TRUE(nexts > 1 || text == expected + "next\n") << text;
}

INSTANTIATE_TEST_SUITE_P(To, LogTest, ::testing::Values("Pipe", "PipeThatCannotBeOpenedAgain", "Socket", "Terminal"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace fastio::test
