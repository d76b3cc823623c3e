#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <set>

#include "support/cudart_emulator/control.hpp"
#include "support/cudart_emulator/work.hpp"

namespace emulator {

struct Event {
    unsigned flags = cudaEventDefault;
    bool recorded = false;
    Point point{};              ///< of the last record in this process
    std::uint64_t capture = 0;  ///< recorded in this capture, 0: in none
    std::atomic<std::int64_t> finished_ns{0};
    EventRecord* shared = nullptr;  ///< of an interprocess event
    std::uint64_t shared_id = 0;
    bool imported = false;
};

/// The events of this process. What an engine may still write to is never freed: destroyed events are used again.
/// *Thread safety:* under the process's mutex.
class Events {
public:
    explicit Events(Control& control) : control_(control) {}
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    /// Refuses with 1 for flags that CUDA does not know or combine, with 2 above `max_shared` interprocess events.
    [[nodiscard]] cudaEvent_t create(unsigned flags, std::uint32_t max_shared);
    /// Refuses with 400.
    void destroy(cudaEvent_t handle);
    [[nodiscard]] Event& get(cudaEvent_t handle);
    /// An event that another process made. Refuses with 1 if it is gone.
    [[nodiscard]] cudaEvent_t open(std::uint64_t id);

private:
    Event& fresh();

    Control& control_;
    std::deque<Event> storage_{};
    std::set<Event*> unused_{};
    std::set<Event*> known_{};
    std::uint32_t shared_ = 0;
};

}  // namespace emulator
