#include "lease.hpp"

#include <algorithm>
#include <exception>

#include "convert.hpp"

namespace fastio::python {

void Lease::use_in(Stream stream) {
    if (is_legacy_default(stream)) {
        in_legacy_ = true;
    } else if (!stream || is_per_thread_default(stream)) {
        use_anywhere();
    } else if (std::ranges::find(streams_, stream) == streams_.end()) {
        streams_.push_back(stream);
    }
}

void Lease::make_in(Stream stream) noexcept {
    made_elsewhere_ = made_elsewhere_ || (stream && !is_legacy_default(stream));
}

Stream Lease::end_in(Stream stream) const {
    const auto is_this = [&](Stream used) { return used == stream; };
    if (!stream || anywhere_.load(std::memory_order_relaxed) || !std::ranges::all_of(streams_, is_this)) {
        return {};
    }
    if (in_legacy_ && !is_legacy_default(stream)) {
        allocation.order(Stream(nullptr), stream);
    }
    return stream;
}

void Lease::release(Stream stream) noexcept {
    try {
        allocation.release(end_in(stream));
    } catch (const std::exception&) {
        // A stream that cannot say when it is done, as one that is being captured, or no memory for saying it.
        use_anywhere();
    }
}

Lease::~Lease() {
    const bool in_legacy_alone = in_legacy_ && !made_elsewhere_ && streams_.empty();
    if (allocation && in_legacy_alone && !anywhere_.load(std::memory_order_relaxed)) {
        release(Stream(nullptr));
    }
    // Else the Allocation's destructor waits for all of the device, behind the scenes.
}

}  // namespace fastio::python
