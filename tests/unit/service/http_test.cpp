#include "service/http.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace fastio::service::http {
namespace {

using State = Head::State;

TEST(HttpHead, IsCompleteWithItsEmptyLine) {
    const std::string text = "GET /metrics HTTP/1.1\r\nHost: localhost:9464\r\nAccept: text/plain\r\n\r\n";
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
        EXPECT_EQ(parse_head(std::string_view(text).substr(0, bytes)).state, State::incomplete) << bytes;
    }
    const Head head = parse_head(text);
    EXPECT_EQ(head.state, State::complete);
    EXPECT_EQ(head.method, "GET");
    EXPECT_EQ(head.path, "/metrics");
}

TEST(HttpHead, LeavesWhatFollowsItAlone) {
    EXPECT_EQ(parse_head("GET / HTTP/1.0\r\n\r\n\0\r\nno HTTP").state, State::complete);
}

TEST(HttpHead, HasThePathOfEveryFormOfTarget) {
    const auto path = [](const std::string& target) {
        return std::string(parse_head("GET " + target + " HTTP/1.0\r\n\r\n").path);
    };
    EXPECT_EQ(path("/metrics?from=here&to=there"), "/metrics");
    EXPECT_EQ(path("http://localhost:9464/metrics?x"), "/metrics");
    EXPECT_EQ(path("http://localhost"), "");
    EXPECT_EQ(path("*"), "");
    EXPECT_EQ(path("localhost:9464"), "");
}

TEST(HttpHead, IsTooLongWithoutAnEndWithinItsBound) {
    const std::string start = "GET /metrics HTTP/1.0\r\nX: ";
    EXPECT_EQ(parse_head(start + std::string(kMostHeadBytes - 1 - start.size(), 'x')).state, State::incomplete);
    EXPECT_EQ(parse_head(start + std::string(kMostHeadBytes - start.size(), 'x')).state, State::too_long);
}

class MalformedHead : public testing::TestWithParam<std::string> {};

TEST_P(MalformedHead, IsRefused) {
    const Head head = parse_head(GetParam() + "\r\n\r\n");
    EXPECT_EQ(head.state, State::malformed);
    EXPECT_EQ(head.method, "");
    EXPECT_EQ(head.path, "");
}

using namespace std::string_literals;
INSTANTIATE_TEST_SUITE_P(Each, MalformedHead,
                         testing::Values(""s, "GET"s, "GET /metrics"s, "GET  /metrics HTTP/1.1\r\nHost: a"s,
                                         " GET / HTTP/1.0"s, "GET / HTTP/1.0 "s, "GET / HTTP/2.0\r\nHost: a"s,
                                         "GET / HTTP/1.10\r\nHost: a"s, "GET / http/1.1\r\nHost: a"s, "G(T / HTTP/1.0"s,
                                         "GET /\x7f HTTP/1.0"s, "GET /\xff HTTP/1.0"s, "GET / HTTP/1.0\r\nno colon"s,
                                         "GET / HTTP/1.0\r\n: no name"s, "GET / HTTP/1.0\r\nA : b"s,
                                         "GET / HTTP/1.0\r\nA: b\r\n folded"s, "GET / HTTP/1.0\r\nA: b\nB: c"s,
                                         "GET / HTTP/1.0\r\nA: \0"s, "GET / HTTP/1.1"s,
                                         "GET / HTTP/1.1\r\nHost: a\r\nhOST: b"s, "\x16\x03\x01\x02 a TLS hello"s));

TEST(HttpHead, OfRandomBytesIsJudgedWithoutAFault) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::string good = "GET /metrics?a HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
    for (int round = 0; round < 20'000; ++round) {
        std::string text = good;
        for (std::uint64_t changes = random() % 4; changes > 0; --changes) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = static_cast<char>(random());
                    break;
                case 1:
                    text.erase(at, 1 + random() % 4);
                    break;
                default:
                    text.insert(at, good.substr(random() % good.size(), random() % 4));
            }
        }
        const Head head = parse_head(text);
        if (head.state == State::complete) {
            ASSERT_FALSE(head.method.empty()) << text;
            ASSERT_TRUE(head.path.empty() || head.path.front() == '/') << text;
        }
    }
}

TEST(HttpResponse, HasItsLengthAndEndsTheConnection) {
    EXPECT_EQ(format_response(Status::not_found, "text/plain", "no\n"),
              "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nCache-Control: "
              "no-store\r\nConnection: close\r\n\r\nno\n");
}

TEST(HttpResponse, ToHeadHasTheLengthWithoutTheBody) {
    EXPECT_EQ(format_response(Status::ok, "text/plain", "body", false),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nCache-Control: "
              "no-store\r\nConnection: close\r\n\r\n");
}

TEST(HttpResponse, ToAnotherMethodSaysWhichAreAllowed) {
    EXPECT_NE(format_response(Status::method_not_allowed, "text/plain", "").find("\r\nAllow: GET, HEAD\r\n"),
              std::string::npos);
}

}  // namespace
}  // namespace fastio::service::http
