#include <sys/socket.h>

#include <filesystem>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "running_service.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

class MetricsTest : public ServiceTest {
protected:
    MetricsTest() { options.metrics = "127.0.0.1:0"; }

    [[nodiscard]] std::string address() {
        ensure();
        return running->metrics_address();
    }
    [[nodiscard]] HttpResponse scrape() { return ask_http(address(), "GET", "/metrics"); }
    static wire::Create create_message(std::uint64_t size) {
        wire::Create message{};
        message.size = size;
        return message;
    }
    /// Which never completes it.
    static void publish_behind_a_stream(RawClient& producer) {
        const wire::CreateReply made = producer.create(10);
        wire::Publish message = producer.publish_message(made, "name", 10);
        message.lease = producer.lease(made);
        message.fence_word = producer.ask<wire::FencesReply>(wire::GrantFences{}).first_word;
        message.fence_value = 1;
        producer.ask<wire::PublishReply>(message);
    }
    /// Scrapes until the figures have this line: they may be some moments old. ctest's timeout is the watchdog.
    void wait_for_line(const std::string& line) {
        while (scrape().body.find("\n" + line + "\n") == std::string::npos) {
            std::this_thread::yield();
        }
    }
};

TEST_F(MetricsTest, AreInPrometheusTextFormat) {
    const HttpResponse response = scrape();
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.head.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"), std::string::npos);
    const std::regex help("# HELP (fastio_[a-z_]+) [A-Z][^\\\\]*\\.");
    const std::regex type("# TYPE (fastio_[a-z_]+) (gauge|counter)");
    const std::regex sample("(fastio_[a-z_]+)(\\{[a-z]+=\"[^\"\\\\]+\"\\})? [0-9]+(\\.[0-9]+)?");
    std::istringstream lines(response.body);
    std::string current;
    std::string kind;
    std::set<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        std::smatch parts;
        if (std::regex_match(line, parts, help)) {
            current = parts[1];
            EXPECT_TRUE(names.insert(current).second) << "described twice: " << line;
        } else if (std::regex_match(line, parts, type)) {
            EXPECT_EQ(parts[1], current) << line;
            kind = parts[2];
            EXPECT_EQ(current.ends_with("_total"), kind == "counter") << line;
        } else {
            ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
            EXPECT_EQ(parts[1], current) << line;
        }
    }
    EXPECT_EQ(names.size(), 24U);
    EXPECT_TRUE(response.body.ends_with("\n"));
}

TEST_F(MetricsTest, FollowWhatClientsDo) {
    options.pool_max = 64 * kMiB;
    const auto client = member();
    const wire::CreateReply made = client->create(1'000'000);
    client->publish(made, "x", 1'000'000);
    wait_for_line("fastio_sessions 1");
    wait_for_line("fastio_contexts 1");
    wait_for_line("fastio_allocations 1");
    wait_for_line("fastio_leases 1");
    wait_for_line("fastio_publications 1");
    wait_for_line("fastio_reserved_bytes 2097152");
    wait_for_line("fastio_in_use_bytes " + std::to_string(made.capacity));
    wait_for_line("fastio_quarantined_bytes 0");
    wait_for_line("fastio_pool_max_bytes 67108864");
    wait_for_line("fastio_sessions_cut_total 0");
    wait_for_line("fastio_device_pool_max_bytes{device=\"host\"} 67108864");
    wait_for_line("fastio_device_reserved_bytes{device=\"host\"} 2097152");
    wait_for_line("fastio_device_in_use_bytes{device=\"host\"} " + std::to_string(made.capacity));

    client->send_raw("no message", 10);
    wait_for_line("fastio_sessions_cut_total 1");
}

TEST_F(MetricsTest, CountWhatIsRefusedForWantOfRoomByItsCause) {
    options.pool_max = 2 * kMiB;
    options.max_allocations = 1;
    options.max_leases = table::kLeasesPerChunk;
    const auto client = member("a");
    EXPECT_EQ(client->refused(create_message(4 * kMiB)), Errc::out_of_memory);
    EXPECT_EQ(client->refused(create_message(4 * kMiB)), Errc::out_of_memory);
    static_cast<void>(client->create(10));
    EXPECT_EQ(client->refused(create_message(10)), Errc::table_full);
    EXPECT_EQ(client->refused(wire::GrantLeases{}), Errc::lease_limit);
    EXPECT_EQ(member("b", 1000)->refused(create_message(5000)), Errc::quota_exceeded);
    wait_for_line("fastio_refused_requests_total{cause=\"out_of_memory\"} 2");
    wait_for_line("fastio_refused_requests_total{cause=\"quota_exceeded\"} 1");
    wait_for_line("fastio_refused_requests_total{cause=\"table_full\"} 1");
    wait_for_line("fastio_refused_requests_total{cause=\"lease_limit\"} 1");
}

TEST_F(MetricsTest, CountContentsThatWereLostByTheirCauseAndTellTheAgeOfTheSlowest) {
    const auto witness = member();
    wait_for_line("fastio_oldest_pending_seconds 0.000");
    auto producer = member();
    publish_behind_a_stream(*producer);
    while (scrape().body.find("\nfastio_oldest_pending_seconds 0.000\n") != std::string::npos) {
        std::this_thread::yield();
    }
    producer.reset();
    wait_for_line("fastio_lost_publications_total{cause=\"producer_ended\"} 1");
    wait_for_line("fastio_lost_publications_total{cause=\"fence_limit\"} 0");
}

TEST_F(MetricsTest, CountContentsThatTheFenceLimitGaveUp) {
    options.fence_limit = std::chrono::milliseconds(1);
    const auto producer = member();
    publish_behind_a_stream(*producer);
    wait_for_line("fastio_lost_publications_total{cause=\"fence_limit\"} 1");
    wait_for_line("fastio_oldest_pending_seconds 0.000");
}

TEST_F(MetricsTest, ToHeadAreTheirHeadOnly) {
    const HttpResponse response = ask_http(address(), "HEAD", "/metrics");
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.head.find("\r\nContent-Length: "), std::string::npos);
    EXPECT_EQ(response.head.find("\r\nContent-Length: 0\r\n"), std::string::npos);
    EXPECT_EQ(response.body, "");
}

TEST_F(MetricsTest, OtherPathsMethodsAndProtocolsAreRefused) {
    EXPECT_EQ(ask_http(address(), "GET", "/").status, 404);
    EXPECT_EQ(ask_http(address(), "GET", "/metrics/").status, 404);
    EXPECT_EQ(ask_http(address(), "POST", "/nothing").status, 404);
    EXPECT_EQ(ask_http(address(), "POST", "/metrics").status, 405);
    EXPECT_EQ(ask_http(address(), "get", "/metrics").status, 405);
    EXPECT_EQ(ask_http(address(), "GET", "metrics").status, 404);
    EXPECT_EQ(ask_http(address(), "G(T", "/metrics").status, 400);
    EXPECT_EQ(ask_http(address(), "GET", "/" + std::string(9000, 'x')).status, 431);
    EXPECT_EQ(scrape().status, 200);
}

TEST_F(MetricsTest, AnswerARequestThatComesInPiecesAndWithABody) {
    const TcpClient client(address());
    for (const char c : std::string("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")) {
        client.send({&c, 1});
    }
    client.send(std::string(60'000, 'x'));
    EXPECT_EQ(parse_response(client.receive_all()).status, 200);
}

TEST_F(MetricsTest, CutAClientThatSendsNoRequest) {
    options.metrics_patience = std::chrono::milliseconds(20);
    const TcpClient silent(address());
    const TcpClient unfinished(address());
    unfinished.send("GET /metrics HTTP/1.1\r\n");
    EXPECT_EQ(silent.receive_all(), "");
    EXPECT_EQ(unfinished.receive_all(), "");
}

TEST_F(MetricsTest, CutAClientThatTricklesItsRequest) {
    options.metrics_patience = std::chrono::milliseconds(20);
    const TcpClient slow(address());
    const auto client = member();
    // With a patience that began anew at each byte, this would end as a head that is too long.
    for (char byte = 'x'; ::send(slow.fd(), &byte, 1, MSG_NOSIGNAL) == 1;) {
        EXPECT_EQ(client->stats().members, 1U);  // a round trip: time passes
    }
    EXPECT_EQ(slow.receive_all(), "");
}

TEST_F(MetricsTest, CutAClientThatDoesNotGoAfterItsAnswer) {
    options.metrics_patience = std::chrono::milliseconds(20);
    constexpr std::string_view kRequest = "GET /metrics HTTP/1.0\r\n\r\n";
    std::optional<TcpClient> client;
    do {  // until its request is there in time
        client.emplace(address());
        ::send(client->fd(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    } while (parse_response(client->receive_all()).status != 200);
    // It does not close. Once the service has, what is sent is refused.
    const char byte = 'x';
    while (::send(client->fd(), &byte, 1, MSG_NOSIGNAL) == 1) {
        std::this_thread::yield();
    }
}

TEST_F(MetricsTest, AreThereForANewcomerHoweverManyAreSilent) {
    std::vector<std::unique_ptr<TcpClient>> silent;
    for (int i = 0; i < 30; ++i) {
        silent.push_back(std::make_unique<TcpClient>(address()));
    }
    EXPECT_EQ(scrape().status, 200);
    EXPECT_EQ(silent.front()->receive_all(), "") << "the oldest made way";
}

TEST_F(MetricsTest, DelayNoClientOfTheService) {
    std::vector<std::unique_ptr<TcpClient>> silent;
    for (int i = 0; i < 8; ++i) {
        silent.push_back(std::make_unique<TcpClient>(address()));
        silent.back()->send("GET /metrics HTTP/1.1\r\n");
    }
    const auto client = member();
    for (int i = 0; i < 100; ++i) {
        const wire::CreateReply made = client->create(4096);
        client->release_hold(made);
    }
    EXPECT_EQ(client->stats().members, 1U);
}

TEST_F(MetricsTest, SurviveClientsThatGoAtAnyMoment) {
    for (const std::size_t bytes : {0, 5, 26}) {
        for (int i = 0; i < 20; ++i) {
            const TcpClient client(address());
            client.send(std::string("GET /metrics HTTP/1.0\r\n\r\n").substr(0, bytes));
        }
    }
    EXPECT_EQ(scrape().status, 200);
}

TEST_F(MetricsTest, AreNotThereUnlessAskedFor) {
    options.metrics.clear();
    EXPECT_EQ(address(), "");
}

TEST_F(MetricsTest, APortInUseIsFoundBeforeTheSocketAppears) {
    options.socket = folder.file("other");
    options.metrics = address();
    EXPECT_THROW(service::Service(options, {device}), Error);
    EXPECT_FALSE(std::filesystem::exists(folder.file("other")));
    EXPECT_FALSE(std::filesystem::exists(folder.file("other.lock")));
}

}  // namespace
}  // namespace fastio::test
