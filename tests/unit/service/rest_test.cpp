#include <atomic>
#include <thread>

#include "running_service.hpp"

namespace fastio::test {
namespace {

using RestTest = ServiceTest;

/// Asks as fast as it can, in a thread, for what takes long: a sum over as many leases as a client may have.
class Flooder {
public:
    explicit Flooder(std::unique_ptr<RawClient> client) : client_(std::move(client)) {
        for (std::uint32_t chunks = 1; chunks < kDefaultMaxLeases / table::kLeasesPerChunk; ++chunks) {
            client_->ask<wire::GrantReply>(wire::GrantLeases{});
        }
        thread_ = std::thread([this] {
            while (!done_) {
                client_->stats();
                ++answers_;
                answers_.notify_all();
            }
        });
    }
    Flooder(const Flooder&) = delete;
    Flooder& operator=(const Flooder&) = delete;
    ~Flooder() {
        done_ = true;
        thread_.join();
    }
    void wait_for_answers(std::uint64_t more) {
        const std::uint64_t end = answers_ + more;
        for (std::uint64_t now = answers_; now < end; now = answers_) {
            answers_.wait(now);
        }
    }

private:
    std::unique_ptr<RawClient> client_;
    std::atomic<bool> done_ = false;
    std::atomic<std::uint64_t> answers_ = 0;
    std::thread thread_;
};

// That nobody rests alone, and for how long who rests: FairTime's own tests.
TEST_F(RestTest, AClientThatAsksForMuchRestsWhileAnotherAsksForLittle) {
    const auto light = member("light");
    Flooder flooder(member("heavy"));
    while (light->totals().rests == 0) {
        flooder.wait_for_answers(200);
    }
    flooder.wait_for_answers(1000);  // it is served on
    EXPECT_EQ(light->create(10).capacity, 256U);
}

TEST_F(RestTest, WhoHangsUpWhileItRestsIsNoticed) {
    const auto light = member("light");
    std::optional<Flooder> flooder(member("heavy"));
    while (light->totals().rests == 0) {
        flooder->wait_for_answers(50);
    }
    flooder.reset();
    wire::SessionRow last{};
    do {  // quarantined, because its process lives
        wire::ListSessions list{};
        list.job = text("heavy");
        last = light->ask<wire::SessionRow>(list);
    } while (last.quarantined == 0);
}

}  // namespace
}  // namespace fastio::test
