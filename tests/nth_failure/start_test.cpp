// The N-th call fails while a service starts, and while it stops.
#include <gtest/gtest.h>

#include <signal.h>

#include <fastio/fastio.hpp>
#include <new>

#include "forked_service.hpp"
#include "operator_steps.hpp"
#include "seam.hpp"
#include "shared_plan.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"
#include "wire/socket.hpp"

namespace fastio::test {
namespace {

struct Case {
    FaultKind kind;
    const char* name;
    bool for_ever;
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

class NthFailureOfFastiod : public testing::TestWithParam<Case> {
protected:
    // fastiod behind the seam, told to stop once it answers. Its plan is armed from main() to its end, or, where
    // `stopping`, from its first answer to its end.
    std::string run(std::uint64_t nth, bool stopping) {
        const TempDir folder;
        const std::string socket = folder.file("s");
        if (!stopping) {
            plan_->arm(Role::service, GetParam().kind, nth, GetParam().for_ever);
        }
        ChildProcess fastiod = ChildProcess::start(
            FASTIO_TEST_FASTIOD, {"--socket", socket, "--device", "host", "--pool-max", "64M"},
            {.environment = {{"LD_PRELOAD", FASTIO_TEST_SEAM}, {kPlanVariable, plan_path_}}, .capture_output = true});
        bool answered = false;
        std::optional<ExitStatus> status;
        while (!answered && !(status = fastiod.try_wait())) {
            try {
                // It listens: what fails from here on fails while it runs, which others test.
                const wire::Socket connection = wire::Socket::connect(socket);
                answered = true;
            } catch (const Error&) {
                continue;
            }
        }
        std::optional<Context> member;
        std::optional<Allocation> held;
        if (!status) {
            if (stopping) {
                member.emplace(ContextOptions{.job = "job", .socket = socket});
                held = member->create(100'000);
                member->create(100'000).publish("name");
                plan_->arm(Role::service, GetParam().kind, nth, GetParam().for_ever);
            }
            const std::string refusal = stopping || GetParam().for_ever ? "" : use(socket);
            fastiod.signal(SIGTERM);
            status = fastiod.wait();
            if (!refusal.empty() && status->code == 0) {  // else it had given up
                plan_->disarm();
                return "it did not serve: " + refusal;
            }
        }
        const std::string said = fastiod.output();
        const bool gave_up = !stopping && (status->code == 1 || status->code == 2);
        std::string wrong;
        if (!gave_up && *status != ExitStatus{.code = 0, .signal = 0}) {
            wrong = "it ended with " + to_string(*status) + ": " + said;
        } else if (gave_up && !(said.starts_with("fastiod: ") && said.find('\n') == said.size() - 1)) {
            wrong = "it did not say why in one line: " + said;
        }
        faults_ = plan_->faults;
        plan_->disarm();
        return wrong;
    }

    // The fault may come as late as with the first client: then the second is served. Empty if one is.
    static std::string use(const std::string& socket) {
        std::string refusal;
        for (int i = 0; i < 2; ++i) {
            try {
                Context context({.job = "job", .socket = socket, .connect_timeout = std::chrono::seconds(0)});
                const std::string name = "of attempt " + std::to_string(i);
                context.create(1000).publish(name);
                const Allocation got = context.get(name);
                return "";
            } catch (const Error& error) {
                refusal = error.what();
            }
        }
        return refusal;
    }

    void run_all(bool stopping) {
        std::uint64_t failures = 0;
        for (std::uint64_t nth = 1; failures < 5; ++nth) {
            const std::string wrong = run(nth, stopping);
            EXPECT_EQ(wrong, "") << nth << " (" << plan_->first_name << ")";
            failures += wrong.empty() ? 0 : 1;
            if (faults_ == 0) {
                std::printf("fastiod, %s, %s: %llu runs\n", GetParam().name, stopping ? "stop" : "start",
                            static_cast<unsigned long long>(nth));
                return;
            }
        }
    }

private:
    SharedPlan plan_;
    std::string plan_path_ = plan_.path();
    std::uint64_t faults_ = 0;
};

TEST_P(NthFailureOfFastiod, EndsAStartWithALineAndAStatusOrLeavesAServiceThatServes) {
    run_all(false);
}

TEST_P(NthFailureOfFastiod, LetsItStop) {
    run_all(true);
}

INSTANTIATE_TEST_SUITE_P(Start, NthFailureOfFastiod,
                         testing::Values(Case{FaultKind::allocation, "AllocationFailsOnce", false},
                                         Case{FaultKind::allocation, "AllocationsFailForEver", true},
                                         Case{FaultKind::memory, "SystemCallFailsOnce", false},
                                         Case{FaultKind::memory, "SystemCallsFailForEver", true},
                                         Case{FaultKind::descriptors, "DescriptorIsShortOnce", false},
                                         Case{FaultKind::descriptors, "DescriptorsAreShortForEver", true},
                                         Case{FaultKind::interruption, "CallIsInterrupted", false}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace fastio::test
