#include "client/fork_guard.hpp"

#include <pthread.h>

#include <cstring>
#include <mutex>

#include "core/fail.hpp"
#include "device/immortal.hpp"
#include "device/own_slabs.hpp"

namespace fastio::detail {

constinit std::atomic<std::uint32_t> fork_generation{0};

namespace {

struct Registry {
    std::mutex mutex;
    std::list<std::function<void()>> actions;
};

// Never destroyed: clients in static objects may outlive every other static object.
Registry& registry() {
    static const Immortal<Registry> instance;
    return *instance;
}

void before_fork() {
    registry().mutex.lock();
    OwnSlabs::of_process().before_fork();
}

void after_fork_in_parent() {
    OwnSlabs::of_process().after_fork();
    registry().mutex.unlock();
}

void after_fork_in_child() {
    fork_generation.fetch_add(1, std::memory_order_relaxed);
    for (const auto& close_copies : registry().actions) {
        close_copies();
    }
    OwnSlabs::of_process().after_fork();
    // The entries stay in the list: freeing them would need malloc's locks. In a grandchild they run again and find
    // that their descriptors are closed.
    registry().mutex.unlock();
}

void install_handlers() {
    const int error = ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (error != 0) {
        fail(Errc::io_error, "could not install the handlers for fork(): {} ({})", std::strerror(error), error);
    }
}

}  // namespace

void ForkWitness::fail_forked(std::string_view call) {
    fail(Errc::forked,
         "{} was called in a forked child on an object of its parent: make a Context of its own in the child", call);
}

ForkRegistration::ForkRegistration(std::function<void()> close_copies) {
    static std::once_flag installed;
    std::call_once(installed, install_handlers);
    const std::lock_guard lock(registry().mutex);
    place_ = registry().actions.insert(registry().actions.end(), std::move(close_copies));
}

ForkRegistration::~ForkRegistration() {
    if (witness_.forked()) {
        return;  // what the child inherited stays as it is
    }
    const std::lock_guard lock(registry().mutex);
    registry().actions.erase(place_);
}

}  // namespace fastio::detail
