#include "service/http_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "service/tcp_listener.hpp"
#include "support/pipe.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

using service::HttpConnection;
using service::TcpListener;
using Next = HttpConnection::Next;

constexpr std::size_t kMoreThanFits = 16 << 20;  // into both sockets' buffers
constexpr std::string_view kRequest = "GET / HTTP/1.0\r\n\r\n";

class HttpConnectionTest : public testing::Test {
protected:
    HttpConnectionTest() : client_(std::in_place, listener_.address()) {
        wait_until_readable(listener_.fd());
        connection_.emplace(listener_.accept());
    }

    /// Once there is something to read.
    Next step() {
        wait_until_readable(connection_->fd());
        return step_now();
    }
    Next step_now() {
        return connection_->step([this](const service::http::Head& head) {
            ++answers_;
            last_state_ = head.state;
            return response_;
        });
    }
    /// What has come by now.
    std::string receive_some() const {
        std::string text(1 << 16, '\0');
        const ssize_t got = ::recv(client_->fd(), text.data(), text.size(), MSG_DONTWAIT);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

    TcpListener listener_{"127.0.0.1:0"};
    std::optional<TcpClient> client_;
    std::optional<HttpConnection> connection_;
    std::string response_ = "response";
    int answers_ = 0;
    service::http::Head::State last_state_{};
};

TEST_F(HttpConnectionTest, WaitsForAWholeHeadAndAnswersOnce) {
    EXPECT_EQ(step_now(), Next::read);
    for (const char c : kRequest.substr(0, kRequest.size() - 1)) {
        client_->send({&c, 1});
        EXPECT_EQ(step(), Next::read);
    }
    EXPECT_EQ(answers_, 0);
    client_->send("\n");
    EXPECT_EQ(step(), Next::read);
    EXPECT_EQ(answers_, 1);
    EXPECT_EQ(client_->receive_all(), "response");
    client_->send(kRequest);
    EXPECT_EQ(step(), Next::read);
    EXPECT_EQ(answers_, 1) << "one request per connection";
    client_.reset();
    EXPECT_EQ(step(), Next::end);
}

TEST_F(HttpConnectionTest, EndsWithAClientThatSentNoRequest) {
    client_->send("GET /");
    client_->finish();
    EXPECT_EQ(step(), Next::read);
    EXPECT_EQ(step(), Next::end);
    EXPECT_EQ(answers_, 0);
}

TEST_F(HttpConnectionTest, AnswersAClientThatHasNothingMoreToSend) {
    client_->send(kRequest);
    client_->finish();
    EXPECT_EQ(step(), Next::read);
    EXPECT_EQ(client_->receive_all(), "response");
    EXPECT_EQ(step(), Next::end);
}

TEST_F(HttpConnectionTest, WritesToASlowReaderPieceByPieceWithoutWaiting) {
    response_.assign(kMoreThanFits, 'x');
    response_.back() = 'y';
    client_->send(kRequest);
    Next next = step();
    EXPECT_EQ(next, Next::write);
    EXPECT_EQ(step_now(), Next::write) << "nothing was read meanwhile";
    std::string got;
    while (got.size() < response_.size()) {
        got += receive_some();
        if (next == Next::write) {
            next = step_now();
        }
    }
    EXPECT_EQ(next, Next::read);
    EXPECT_TRUE(got == response_) << got.size();
}

TEST_F(HttpConnectionTest, EndsWithAClientThatClosesInTheMiddleOfTheResponse) {
    response_.assign(kMoreThanFits, 'x');
    client_->send(kRequest);
    EXPECT_EQ(step(), Next::write);
    client_.reset();  // with unread bytes: a reset
    Next next = step_now();
    while (next == Next::write) {
        next = step_now();
    }
    EXPECT_EQ(next, Next::end);
}

TEST_F(HttpConnectionTest, HangsUpOnAClientThatSendsOnAndOn) {
    client_->send(kRequest);
    Next next = step();
    EXPECT_EQ(next, Next::read);
    std::size_t sent = 0;
    const std::string more(4096, 'x');
    while (next != Next::end) {
        client_->send(more);
        sent += more.size();
        next = step();
    }
    EXPECT_GE(sent, 65'536U);
    EXPECT_EQ(answers_, 1);
}

TEST_F(HttpConnectionTest, KeepsNoMoreOfARequestThanAHeadMayHave) {
    client_->send(std::string(2 * service::http::kMostHeadBytes, 'x'));
    while (answers_ == 0) {
        ASSERT_EQ(step(), Next::read);
    }
    EXPECT_EQ(last_state_, service::http::Head::State::too_long);
    EXPECT_EQ(client_->receive_all(), "response") << "what was sent behind it does not destroy the answer";
}

}  // namespace
}  // namespace fastio::test
