// For N = 1, 2, 3 ...: the N-th call of a kind fails, once or for ever, while an operator takes one step.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fastio/fastio.hpp>
#include <thread>

#include "forked_service.hpp"
#include "operator_steps.hpp"
#include "shared_plan.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMostFailures = 5;  // then a case has shown enough

struct Case {
    Step step;
    const char* step_name;
    Role role;
    FaultKind kind;
    const char* kind_name;
    bool for_ever;
};

std::string name_of(const Case& c) {
    return std::string(c.step_name) + "While" + c.kind_name +
           (c.role == Role::service ? "OfTheService" : "OfTheOperator") + (c.for_ever ? "ForEver" : "Once");
}

void PrintTo(const Case& c, std::ostream* out) {
    *out << name_of(c);
}

class NthFailure : public testing::TestWithParam<Case> {
protected:
    void TearDown() override {
        if (service_.has_ended()) {
            FAIL() << "the service ended: " << service_.wait();
        }
        view_.reset();
        service_.tell_to_stop();
        EXPECT_EQ(service_.wait(), "") << "what the service left over";
    }

    // Until a run sees no fault.
    void run_all() {
        std::uint64_t failures = 0;
        for (std::uint64_t nth = 1;; ++nth) {
            const Order order{GetParam().step, GetParam().role, GetParam().kind, nth, GetParam().for_ever};
            std::uint64_t faults = 0;
            std::string wrong;
            ASSERT_NO_FATAL_FAILURE(wrong = run(order, faults));
            EXPECT_EQ(wrong, "") << describe(order);
            failures += wrong.empty() ? 0 : 1;
            ASSERT_LT(failures, kMostFailures);
            if (faults == 0) {
                std::printf("%s: %llu runs\n", name_of(GetParam()).c_str(), static_cast<unsigned long long>(nth));
                return;
            }
        }
    }

    // Once more, as long as the service has more blocks each time: what it makes once is none of a leak's.
    std::string run(const Order& order, std::uint64_t& faults) {
        constexpr int kTimes = 5;
        for (int times = 0; times < kTimes; ++times) {
            const std::int64_t before = plan_->blocks_of_service;
            Forked process([&] { return operate(service_, *plan_, order); });
            std::string wrong = process.wait();
            faults = plan_->faults;
            plan_->disarm();
            if (service_.has_ended()) {
                ADD_FAILURE() << describe(order) << ": the service ended: " << service_.wait()
                              << "; the operator: " << wrong;
                return wrong;
            }
            wrong += left_in_service();
            if (!wrong.empty() || plan_->blocks_of_service <= before) {
                return wrong;
            }
        }
        return "each time the service keeps more of what it allocated; ";
    }

    // A run of this kind, after which the service has started all threads and made what it keeps.
    void warm_up() {
        view_.emplace(service_.socket(), std::chrono::seconds(60));
        const Order undisturbed{GetParam().step, Role::none, FaultKind::none, 0, false};
        Forked process([&] { return operate(service_, *plan_, undisturbed); });
        ASSERT_EQ(process.wait(), "");
        wait_until_empty();
        holdings_ = service_.holdings();
    }

private:
    std::string describe(const Order& order) const {
        return name_of(GetParam()) + " at " + std::to_string(order.nth) + " (" + plan_->first_name + ")";
    }

    // ctest's timeout ends a wait for what never comes; before that this says what it is.
    std::string wait_until_empty() {
        const auto watchdog = std::chrono::steady_clock::now() + std::chrono::seconds(300);
        for (;;) {
            const ServiceTotals now = view_->totals();
            if (now.sessions + now.contexts + now.allocations + now.leases + now.publications + now.bytes_reserved ==
                0) {
                break;
            }
            if (std::chrono::steady_clock::now() > watchdog) {
                return "the service keeps " + std::to_string(now.sessions) + " sessions, " +
                       std::to_string(now.contexts) + " contexts, " + std::to_string(now.allocations) +
                       " allocations, " + std::to_string(now.leases) + " leases, " + std::to_string(now.publications) +
                       " publications, " + std::to_string(now.bytes_reserved) + " bytes; ";
            }
            std::this_thread::yield();
        }
        // What was ready before the first request is served in its round at the latest, the second is in a later one.
        static_cast<void>(view_->totals());
        static_cast<void>(view_->totals());
        return {};
    }

    std::string left_in_service() {
        if (std::string kept = wait_until_empty(); !kept.empty()) {
            return kept;
        }
        const std::string now = service_.holdings();
        return now == holdings_ ? std::string() : "the service holds\n" + now + "instead of\n" + holdings_;
    }

    SharedPlan plan_;
    ForkedService service_{*plan_};
    std::optional<Service> view_;
    std::string holdings_;
};

TEST_P(NthFailure, GivesATypedErrorAndLosesNothing) {
    ASSERT_NO_FATAL_FAILURE(warm_up());
    run_all();
}

std::vector<Case> cases() {
    const std::vector<std::pair<Step, const char*>> steps{{Step::join, "Join"},
                                                          {Step::found, "FoundAContext"},
                                                          {Step::create, "Create"},
                                                          {Step::publish, "Publish"},
                                                          {Step::get, "Get"},
                                                          {Step::wait, "Wait"},
                                                          {Step::watch, "Watch"},
                                                          {Step::free, "Free"},
                                                          {Step::close, "Close"},
                                                          {Step::close_last, "CloseAsTheLast"},
                                                          {Step::replace, "Replace"},
                                                          {Step::unpublish, "Unpublish"},
                                                          {Step::publish_array, "PublishAnArray"},
                                                          {Step::list, "List"},
                                                          {Step::release, "Release"},
                                                          {Step::get_beyond_a_chunk, "GetBeyondAChunkOfLeases"}};
    const std::vector<std::pair<FaultKind, const char*>> kinds{{FaultKind::allocation, "AllocationsFail"},
                                                               {FaultKind::memory, "SystemCallsFail"},
                                                               {FaultKind::descriptors, "DescriptorsAreShort"},
                                                               {FaultKind::interruption, "CallsAreInterrupted"}};
    std::vector<Case> result;
    for (const auto& [step, step_name] : steps) {
        for (const Role role : {Role::client, Role::service}) {
            for (const auto& [kind, kind_name] : kinds) {
                result.push_back({step, step_name, role, kind, kind_name, false});
                if (kind != FaultKind::interruption) {  // who is interrupted for ever tries for ever
                    result.push_back({step, step_name, role, kind, kind_name, true});
                }
            }
        }
    }
    for (const auto& [step, step_name] : {steps[2], steps[9]}) {
        result.push_back({step, step_name, Role::service, FaultKind::device, "DeviceCallsFail", false});
        result.push_back({step, step_name, Role::service, FaultKind::device, "DeviceCallsFail", true});
    }
    return result;
}

INSTANTIATE_TEST_SUITE_P(Operator, NthFailure, testing::ValuesIn(cases()),
                         [](const auto& one) { return name_of(one.param); });

}  // namespace
}  // namespace fastio::test
