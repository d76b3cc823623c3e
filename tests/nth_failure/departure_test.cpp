// The N-th allocation of the service fails while it ends what a dead operator has left: it is made up for.
#include <gtest/gtest.h>

#include <fastio/fastio.hpp>

#include "forked_service.hpp"
#include "shared_plan.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

class NthFailureOfADeparture : public testing::TestWithParam<bool> {
protected:
    /// An operator that holds something, has published something, and ends without a word; how many calls failed then.
    std::uint64_t die(std::uint64_t nth, bool for_ever) {
        Forked process([&] {
            auto* const context =
                new Context({.job = "job", .socket = service_.socket(), .connect_timeout = kPatience});
            auto* const held = new Allocation(context->create(1000));
            held->publish("name");
            static_cast<void>(new Watch(context->watch("")));
            plan_->arm(Role::service, FaultKind::allocation, nth, for_ever);
            return std::string();
        });
        EXPECT_EQ(process.wait(), "");
        service_.finish_round(*plan_);
        plan_->disarm();
        return plan_->faults;
    }
    /// As each request it has the service try again what failed.
    void wait_until_empty() const {
        Service view(service_.socket(), kPatience);
        for (ServiceTotals now = view.totals(); now.sessions + now.contexts + now.bytes_reserved != 0;) {
            now = view.totals();
        }
    }

    static constexpr std::chrono::seconds kPatience{60};
    Watchdog watchdog_{"a departure that is made up for"};
    SharedPlan plan_;
    ForkedService service_{*plan_, true};
};

TEST_P(NthFailureOfADeparture, IsMadeUpFor) {
    std::uint64_t nth = 1;
    while (die(nth, GetParam()) != 0) {
        wait_until_empty();
        ++nth;
    }
    EXPECT_GT(nth, 1U);
    service_.tell_to_stop();
    EXPECT_EQ(service_.wait(), "") << "what the service left over";
}

INSTANTIATE_TEST_SUITE_P(Service, NthFailureOfADeparture, testing::Bool(),
                         [](const auto& one) { return one.param ? "ForEver" : "Once"; });

}  // namespace
}  // namespace fastio::test
