#pragma once

#include "device/descriptor.hpp"

namespace fastio::test {

/// A TCP connection to itself, over the loopback, whose close waits for an hour: it has sent what nobody reads.
struct LingeringSocket {
    Descriptor lingering{};
    Descriptor peer{};
};
[[nodiscard]] LingeringSocket make_lingering_socket();

}  // namespace fastio::test
