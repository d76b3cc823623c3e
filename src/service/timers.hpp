#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "device/descriptor.hpp"

namespace fastio::service {

/// Moments at which something is to be looked at again, on one timerfd that is armed only while there are any.
class Timers {
public:
    enum class Purpose : std::uint8_t {
        grace,        ///< of a session's devices, after its lifeline ended
        linger,       ///< of a context without members
        trim,         ///< of a context's empty slabs
        patience,     ///< of a context's creates that wait for slabs which others must unmap
        fence_limit,  ///< of a context's oldest pending fence
        stream_scan,  ///< of a context's retired allocations: whose leases streams clear, or whose scan was put off
        expiry,       ///< of a context's next name whose time to live ends
        scrape,       ///< of a connection to the metrics
        rest,         ///< of a session that asked for much
    };
    struct Due {
        Purpose purpose = Purpose::grace;
        std::uint64_t id = 0;  ///< of the session, the context or the connection
    };
    using Handle = std::multimap<std::chrono::steady_clock::time_point, Due>::iterator;

    /// Errors: io_error.
    Timers();

    [[nodiscard]] int fd() const noexcept { return timer_.get(); }
    Handle add(std::chrono::nanoseconds after, Due due) {
        return add_at(std::chrono::steady_clock::now() + after, due);
    }
    Handle add_at(std::chrono::steady_clock::time_point when, Due due);
    void cancel(Handle handle) noexcept;
    /// To another moment, without a need for memory. The new handle.
    [[nodiscard]] Handle move(Handle handle, std::chrono::steady_clock::time_point when) noexcept;
    /// Takes out what is due now. The handles of all of it end here, before any of it is carried out. That is safe
    /// because whoever holds a handle forgets it first thing when its turn comes, and no other turn cancels it: a turn
    /// cancels timers of its own context alone, `linger` or `patience`, and a context never has both, because it
    /// lingers without members and only members wait. (`expiry` is armed anew by publishes and tidying, which are no
    /// turns.)
    [[nodiscard]] std::vector<Due> take_due();

private:
    void arm() noexcept;

    Descriptor timer_;
    std::multimap<std::chrono::steady_clock::time_point, Due> waiting_;
};

}  // namespace fastio::service
