#pragma once

#include "device/descriptor.hpp"

namespace fastio {

/// A flag that wakes who polls it: an eventfd, close-on-exec, of which neither call waits or fails. *Thread safety:*
/// every member, from any thread.
class EventFd {
public:
    /// Errors: io_error.
    EventFd();

    /// Readable while the flag is set.
    [[nodiscard]] int get() const noexcept { return descriptor_.get(); }
    void set() noexcept;
    void clear() noexcept;

private:
    Descriptor descriptor_;
};

}  // namespace fastio
