#pragma once

#include <cstdint>

#include "support/cudart_emulator/control.hpp"

namespace emulator {

/// Holds calls of one function, in every process of the machine, until a test lets them go on: what would else take a
/// sleep. `call` is the function's name. *Threads:* any.

void close_gate(Control& control, const char* call);
void open_gate(Control& control, const char* call);
/// Returns once so many calls came to the gate since it was closed.
void wait_at_gate(Control& control, const char* call, std::uint32_t arrivals);
/// Passes the gate, if there is one, once it is open.
void pass_gate(Control& control, const char* call);

}  // namespace emulator
