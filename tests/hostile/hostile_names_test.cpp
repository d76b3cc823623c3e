// Names are any text. What people read of them is one line, and steers no terminal.
#include <algorithm>
#include <array>

#include "running_service.hpp"
#include "service/log.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

using HostileNames = ServiceTest;

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

}  // namespace
}  // namespace fastio::test
