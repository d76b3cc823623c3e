#include "client/liveness.hpp"

#include "core/fail.hpp"
#include "table/reader.hpp"

namespace fastio::detail {

void Liveness::end(Ending why) noexcept {
    if (witness_.forked()) {
        return;
    }
    if (why == Ending::lost || why == Ending::given_up) {
        lost_.store(true, std::memory_order_release);
    }
    Ending none = Ending::none;
    if (ending_.compare_exchange_strong(none, why, std::memory_order_acq_rel)) {
        __atomic_add_fetch(&cancel_, 1, __ATOMIC_RELEASE);
        table::wake(&cancel_, false);
    }
}

void fail_ended(Ending why, std::string_view call) {
    switch (why) {
        case Ending::closed:
            fail(Errc::context_closed, "{} was called on a Context that is closed: make a new Context", call);
        case Ending::ended:
            fail(Errc::context_closed, "{} failed: the job's context was ended by somebody: make a new Context", call);
        case Ending::device_lost:
            fail(Errc::device_unavailable,
                 "{} failed: the GPU that the job's context is on was lost, and the context with it: see the service's "
                 "log and nvidia-smi, and make a new Context on another device",
                 call);
        case Ending::given_up:
            fail(
                Errc::service_lost,
                "{} failed: a call of this Context gave up waiting for the service, so that this session is over: make "
                "a new Context",
                call);
        default:
            fail(Errc::service_lost,
                 "{} failed: the service died or ended this session: see its log, start fastiod again if it is gone, "
                 "and make a new Context",
                 call);
    }
}

}  // namespace fastio::detail
