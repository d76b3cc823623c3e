#include "support/faults.hpp"

#include <optional>
#include <utility>

#include "core/fail.hpp"

namespace fastio::test {
namespace {

void check_can_fail(DeviceCall call) {
    if (call == DeviceCall::close) {
        fail(Errc::invalid_argument,
             "close was ordered to fail, but it reports no failures; it can be blocked and counted");
    }
}

}  // namespace

void Faults::fail(DeviceCall call, std::uint64_t nth, Errc code, std::string message) {
    check_can_fail(call);
    if (nth == 0) {
        fastio::fail(Errc::invalid_argument, "call number 0 was ordered to fail; the next call is number 1");
    }
    const std::lock_guard lock(mutex_);
    plan(call).by_call.insert_or_assign(plan(call).calls + nth, Failure{code, std::move(message)});
}

void Faults::fail_always(DeviceCall call, Errc code, std::string message) {
    check_can_fail(call);
    const std::lock_guard lock(mutex_);
    plan(call).always = true;
    plan(call).every = {code, std::move(message)};
}

void Faults::lose() {
    const std::lock_guard lock(mutex_);
    loss_ = 1;
}

void Faults::clear(DeviceCall call) {
    const std::lock_guard lock(mutex_);
    plan(call).always = false;
    plan(call).by_call.clear();
}

void Faults::block(DeviceCall call) {
    const std::lock_guard lock(mutex_);
    plan(call).gate_shut = true;
}

void Faults::unblock(DeviceCall call) {
    const std::lock_guard lock(mutex_);
    plan(call).gate_shut = false;
    changed_.notify_all();
}

void Faults::wait_until_blocked(DeviceCall call, std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return plan(call).blocked >= count; });
}

std::uint64_t Faults::calls(DeviceCall call) const {
    const std::lock_guard lock(mutex_);
    return plan(call).calls;
}

std::uint64_t Faults::blocked(DeviceCall call) const {
    const std::lock_guard lock(mutex_);
    return plan(call).blocked;
}

void Faults::enter(DeviceCall call) {
    std::unique_lock lock(mutex_);
    Plan& mine = plan(call);
    const std::uint64_t number = ++mine.calls;
    if (mine.gate_shut) {
        ++mine.blocked;
        changed_.notify_all();
        changed_.wait(lock, [&] { return !mine.gate_shut; });
        --mine.blocked;
    }
    std::optional<Failure> failure;
    if (loss_ != 0 && call != DeviceCall::close) {
        failure = Failure{Errc::device_unavailable, "the device was ordered to be lost"};
    } else if (const auto due = mine.by_call.extract(number); !due.empty()) {
        failure = due.mapped();
    } else if (mine.always) {
        failure = mine.every;
    }
    lock.unlock();
    if (failure) {
        throw Error(failure->code, failure->message);
    }
}

}  // namespace fastio::test
