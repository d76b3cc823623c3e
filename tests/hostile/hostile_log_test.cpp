// What clients cause in the log. Names are any text: what people read of them is one line, and steers no terminal.
// Nobody fills a disk with lines.
#include <algorithm>
#include <array>

#include "device/memfd.hpp"
#include "running_service.hpp"
#include "service/line_budget.hpp"
#include "service/log.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

using HostileNames = ServiceTest;
using HostileLog = ServiceTest;

TEST_F(HostileNames, AddNoLineToTheLogAndSteerNoTerminal) {
    const std::string forged =
        "\n[error] forged\r\x1b[31m\xc2\x9b"
        "2J\x7f";
    const std::string shown = "\\x0a[error] forged\\x0d\\x1b[31m\\xc2\\x9b2J\\x7f";
    Pipe pipe = make_pipe();
    options.log = service::make_log("log", pipe.write.get());
    start();
    {
        RawClient client(socket());
        wire::Hello hello = client.hello_message();
        wire::set_text(hello.name, "op" + forged);
        client.send(hello);
        client.receive_hello_reply();
        client.join("job" + forged);
        client.publish(client.create(8), "name" + forged, 8);
        client.send_raw("x", 1);
        EXPECT_TRUE(client.closed_after());
    }
    wire::EndContext end{};
    end.job = text("job" + forged);
    visitor()->ask<wire::Ok>(end);
    running.reset();
    options.log.reset();
    pipe.write.reset();

    std::string log;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::read(pipe.read.get(), part.data(), part.size())) > 0;) {
        log.append(part.data(), static_cast<std::size_t>(got));
    }
    const std::string lines_of_it[] = {"context 'job" + shown + "' was made",
                                       "(op" + shown + ", process",
                                       "joined 'job" + shown + "'",
                                       "is cut: a packet of 1 bytes",
                                       "of 'job" + shown + "' is quarantined: ",
                                       "context 'job" + shown + "' has ended"};
    for (const std::string& line : lines_of_it) {
        EXPECT_NE(log.find(line), std::string::npos) << line << " in\n" << log;
    }
    std::size_t lines = 0;
    for (std::size_t at = 0; at < log.size(); at = log.find('\n', at) + 1, ++lines) {
        EXPECT_EQ(log.compare(at, 3, "[20"), 0) << log.substr(at);  // the time
    }
    EXPECT_GE(lines, 6U);
    EXPECT_EQ(std::ranges::count_if(log, [](unsigned char c) { return (c < ' ' && c != '\n') || c >= 0x7f; }), 0);
}

/// All that was written to a file so far.
std::string contents_of(int file) {
    std::string all(file_bytes(file), '\0');
    EXPECT_EQ(::pread(file, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
}

TEST_F(HostileLog, HasABoundedNumberOfLinesThatOneUserCaused) {
    const Descriptor file = make_memfd("log", 0);
    options.log = service::make_log("log", file.get());
    start();
    const auto begin = std::chrono::steady_clock::now();
    const auto be_cut = [this] {
        RawClient client(socket());
        client.send_raw("x", 1);
        EXPECT_TRUE(client.closed_after());
    };
    for (std::int64_t i = 0; i < service::LineBudget::kAtOnce + 200; ++i) {
        be_cut();
    }
    while (contents_of(file.get()).find(" lines like the next were left out") == std::string::npos) {
        be_cut();
    }
    running.reset();
    options.log.reset();  // before its file
    const std::string log = contents_of(file.get());
    const auto lines = std::ranges::count(log, '\n');
    const auto room_since = (std::chrono::steady_clock::now() - begin) / service::LineBudget::kForEach;
    constexpr std::int64_t kOthers = 10;  // of the service itself, and how many were left out
    EXPECT_LE(lines, service::LineBudget::kAtOnce + 2 * room_since + kOthers);
}

}  // namespace
}  // namespace fastio::test
