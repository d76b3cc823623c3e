#include "stop.hpp"

#include <csignal>
#include <initializer_list>

namespace frames {
namespace {

volatile std::sig_atomic_t stopped = 0;

}  // namespace

void note_stop_signals() {
    for (const int number : {SIGINT, SIGTERM}) {
        std::signal(number, [](int) { stopped = 1; });
    }
}

bool is_stopped() noexcept {
    return stopped != 0;
}

void throw_if_stopped() {
    if (is_stopped()) {
        throw Stopped();
    }
}

}  // namespace frames
