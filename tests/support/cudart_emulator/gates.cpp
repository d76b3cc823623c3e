#include "support/cudart_emulator/gates.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "support/cudart_emulator/fatal.hpp"

namespace emulator {
namespace {

// Shared between processes, which std::atomic's own wait is not.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen) {
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, nullptr, nullptr, 0);
}
void futex_wake(std::atomic<std::uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE, ~0U >> 1U, nullptr, nullptr, 0);
}

GateRecord* find(ControlLayout& layout, const char* call) {
    for (GateRecord& gate : layout.gates) {
        if (gate.named.load() != 0 && std::strncmp(gate.call, call, sizeof(gate.call)) == 0) {
            return &gate;
        }
    }
    return nullptr;
}

GateRecord& find_or_make(Control& control, const char* call) {
    const Control::Lock lock(control);
    GateRecord* gate = find(control.layout(), call);
    if (gate == nullptr) {
        auto& gates = control.layout().gates;
        gate = std::find_if(std::begin(gates), std::end(gates), [](const auto& one) { return one.named == 0; });
        if (gate == std::end(gates) || std::strlen(call) >= sizeof(gate->call)) {
            fatal("no gate is left for %s", call);
        }
        std::strcpy(gate->call, call);
        gate->named = 1;
    }
    return *gate;
}

}  // namespace

void close_gate(Control& control, const char* call) {
    GateRecord& gate = find_or_make(control, call);
    gate.arrivals = 0;
    gate.closed = 1;
}

void open_gate(Control& control, const char* call) {
    GateRecord& gate = find_or_make(control, call);
    gate.closed = 0;
    futex_wake(gate.closed);
}

void wait_at_gate(Control& control, const char* call, std::uint32_t arrivals) {
    GateRecord& gate = find_or_make(control, call);
    for (std::uint32_t seen = gate.arrivals; seen < arrivals; seen = gate.arrivals) {
        futex_wait(gate.arrivals, seen);
    }
}

void pass_gate(Control& control, const char* call) {
    GateRecord* const gate = find(control.layout(), call);
    if (gate == nullptr || gate->closed == 0) {
        return;
    }
    ++gate->arrivals;
    futex_wake(gate->arrivals);
    while (gate->closed != 0) {
        futex_wait(gate->closed, 1);
    }
}

}  // namespace emulator
