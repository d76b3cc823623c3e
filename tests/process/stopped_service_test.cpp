// SIGSTOP to the service: what asks it nothing goes on. For the rest see stopped_service_requests_test.cpp.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "process/scripted_operator.hpp"
#include "process/service_process.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

using namespace std::chrono_literals;

class StoppedService : public testing::Test {
protected:
    Watchdog watchdog_{"a stopped service"};
    ServiceProcess service_;
    ScriptedOperator operator_{service_.socket(), "job"};
};

TEST_F(StoppedService, LetsGetFindAndReleaseGoOn) {
    ASSERT_EQ(operator_.ask("create a 65536"), "ok");
    ASSERT_EQ(operator_.ask("publish a name"), "ok");
    Context context = service_.join("job");
    context.get("name").release();  // its slab is open from now on
    service_.process().stop();
    for (int i = 0; i < 100; ++i) {
        Allocation got = context.get("name");
        EXPECT_EQ(got.size(), 65536U);
        EXPECT_TRUE(context.find("name"));
        EXPECT_FALSE(context.find("nobody"));
        got.release();
    }
    EXPECT_FALSE(context.find("nobody", {.timeout = 1ms})) << "a wait has its own end";
    EXPECT_EQ(operator_.ask("check a"), "right");
    service_.process().resume();
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
}

// Each of them is told; its queue takes some 280.
TEST_F(StoppedService, LetsMoreReleasesGoOnThanItHasRoomFor) {
    constexpr int kMany = 2000;
    {
        Context context = service_.join("job");
        std::vector<Allocation> retired;
        std::vector<Allocation> created;
        for (int i = 0; i < kMany; ++i) {
            created.push_back(context.create(1));
            retired.push_back(context.create(1));
            retired.back().publish("name", {.replace = true});
        }
        context.unpublish("name");
        service_.process().stop();
        retired.clear();
        created.clear();
        service_.process().resume();
        // And they are told without another call of this Context.
        Service view = service_.view();
        while (view.totals().allocations != 0) {
        }
        EXPECT_EQ(context.stats().own_leases, 0U);
    }
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
    service_.wait_until_empty();
}

TEST_F(StoppedService, HoldsUpNobodyWhoLeaves) {
    {
        Context context = service_.join("job");
        context.create(1).publish("name");
        std::vector<Allocation> released;
        for (int i = 0; i < 100; ++i) {  // the service is told of each, before it hears the goodbye
            released.push_back(context.create(1));
        }
        service_.process().stop();
    }
    service_.process().resume();  // this process goes on: what it left is given back all the same
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
    service_.wait_until_empty();
}

TEST_F(StoppedService, IsNotAskedAboutWhatWasNeverPublished) {
    {
        Context context = service_.join("job");
        Allocation made = context.create(1);
        made.unpublish();
        service_.process().stop();
        made.check();
        made.release();
    }
    service_.process().resume();
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
    service_.wait_until_empty();
}

class ImpatientOfAStoppedService : public StoppedService {
protected:
    [[nodiscard]] Context join(ContextOptions options) const {
        options.job = "job";
        options.socket = service_.socket();
        options.connect_timeout = 60s;
        return Context(options);
    }
};

TEST_F(ImpatientOfAStoppedService, ACallHasAnEndThatIsTheContexts) {
    Context context = join({.request_timeout = 10s});  // far more than what it asks before takes
    Allocation held = context.create(uint8, {8});
    held.publish("held");
    Allocation unpublished = context.create(uint8, {8});
    Watch watch = context.watch();
    context.get("held").release();  // what a get asks the service for is there from now on
    service_.process().stop();
    std::thread waiter([&] {
        EXPECT_EQ(errc_of([&] { static_cast<void>(context.get("never", {.timeout = forever})); }), Errc::service_lost);
    });
    EXPECT_EQ(errc_of([&] { unpublished.publish("perhaps"); }), Errc::service_unreachable);
    waiter.join();
    EXPECT_FALSE(context.alive());
    EXPECT_EQ(errc_of([&] { static_cast<void>(context.create(1)); }), Errc::service_lost);
    EXPECT_EQ(errc_of([&] {
                  while (watch.next(forever)) {
                  }
              }),
              Errc::service_lost);
    service_.process().resume();

    // The service has served it by the time that it hears of the end, and the memory is its holder's all the same.
    Context other = service_.join("job");
    other.get("perhaps", {.timeout = forever}).release();
    other.unpublish("perhaps");
    other.unpublish("held");
    Service view = service_.view();
    while (view.totals().sessions != 3) {  // with the operator's; the one that is over is quarantined
    }
    EXPECT_EQ(view.totals().allocations, 2U);
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
}

std::atomic<ChildProcess*> to_resume = nullptr;
std::atomic<int> asked = 0;
thread_local bool gives_up = false;

TEST_F(ImpatientOfAStoppedService, WhoGivesUpIsServedAllTheSameWhereTheServiceGoesOn) {
    Context context = join({.give_up = []() noexcept {
        ChildProcess* const service = to_resume.exchange(nullptr);
        if (service != nullptr) {
            service->resume();
        }
        return service != nullptr;
    }});
    service_.process().stop();
    to_resume = &service_.process();
    EXPECT_EQ(context.create(1).size(), 1U);
    EXPECT_TRUE(context.alive());
}

TEST_F(ImpatientOfAStoppedService, WhatItWasFreeingWhenItGaveUpIsItsNoMore) {
    Context context = join({.give_up = []() noexcept { return gives_up; }});
    Allocation made = context.create(1);
    Allocation published = context.create(1);
    published.publish("name");
    service_.process().stop();
    gives_up = true;
    EXPECT_EQ(errc_of([&] { published.free(); }), Errc::service_unreachable);
    gives_up = false;
    EXPECT_FALSE(published);
    EXPECT_EQ(errc_of([&] { made.free(); }), Errc::service_lost);
    EXPECT_TRUE(made) << "which the service was not asked for";
    service_.process().resume();
    Service view = service_.view();
    while (view.totals().publications != 0) {  // it was served after all
    }
    EXPECT_EQ(operator_.quit(), (ExitStatus{.code = 0, .signal = 0}));
}

TEST_F(ImpatientOfAStoppedService, WhoeverDoesNotGiveUpWaitsOn) {
    Context context = join({.give_up = []() noexcept {
        ChildProcess* const service = to_resume.load();
        if (service != nullptr && ++asked == 3) {
            service->resume();
        }
        return false;
    }});
    service_.process().stop();
    asked = 0;
    to_resume = &service_.process();
    EXPECT_EQ(context.create(1).size(), 1U);
    EXPECT_GE(asked, 3);
    to_resume = nullptr;
}

TEST_F(ImpatientOfAStoppedService, WhoGivesUpBehindAnotherThreadEndsBoth) {
    Context context = join({.give_up = []() noexcept {
        ++asked;
        return gives_up;
    }});
    service_.process().stop();
    asked = 0;
    std::thread first([&] { EXPECT_EQ(errc_of([&] { static_cast<void>(context.create(1)); }), Errc::service_lost); });
    while (asked == 0) {  // it has its turn
    }
    gives_up = true;
    EXPECT_EQ(errc_of([&] { static_cast<void>(context.create(1)); }), Errc::service_unreachable);
    first.join();
    gives_up = false;
}

TEST_F(ImpatientOfAStoppedService, ATimeoutOfNothingIsRefused) {
    EXPECT_EQ(errc_of([&] { static_cast<void>(join({.request_timeout = 0ns})); }), Errc::invalid_argument);
    EXPECT_EQ(errc_of([&] { static_cast<void>(join({.request_timeout = -1s})); }), Errc::invalid_argument);
}

TEST_F(StoppedService, ThatIsKilledThenIsLost) {
    Context context = service_.join("job");
    service_.process().stop();
    operator_.say("create a 4096");
    service_.process().kill();
    EXPECT_EQ(operator_.hear(), "error service_lost");
    EXPECT_THROW(static_cast<void>(context.create(1)), Error);
}

}  // namespace
}  // namespace fastio::test
