#include "lease.hpp"

#include <algorithm>

namespace fastio::python {

void Lease::use_in(Stream stream) {
    if (stream && std::ranges::find(streams_, stream) == streams_.end()) {
        streams_.push_back(stream);
    }
}

Lease::~Lease() {
    if (!allocation || streams_.empty()) {
        return;  // the Allocation's destructor waits for all of the device, behind the scenes
    }
    try {
        const Stream last = streams_.back();
        for (const Stream earlier : streams_) {
            allocation.order(earlier, last);
        }
        allocation.release(last);
    } catch (const Error&) {
        // A stream that cannot say when it is done, as one that is being captured: then behind all of the device.
    }
}

}  // namespace fastio::python
