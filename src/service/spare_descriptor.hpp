#pragma once

#include <fcntl.h>

#include "device/descriptor.hpp"

namespace fastio::service {

/// One descriptor that is kept for the moment when `accept` finds none: without it a connection that nobody can accept
/// would stay ready, and wake the loop again and again.
class SpareDescriptor {
public:
    SpareDescriptor() noexcept { take(); }

    /// Takes one again if the last take() found none.
    void keep() noexcept {
        if (!spare_) {
            take();
        }
    }

    /// Calls `use` while there is one descriptor more.
    template <class Use>
    void lend(Use&& use) noexcept {
        spare_.reset();
        use();
        take();
    }

private:
    void take() noexcept { spare_ = Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

    Descriptor spare_;
};

}  // namespace fastio::service
