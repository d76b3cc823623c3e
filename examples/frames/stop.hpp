#pragma once

namespace frames {

/// Thrown by a wait that SIGINT or SIGTERM has ended.
struct Stopped {};

/// From now on SIGINT and SIGTERM are noted and end nothing by themselves.
void note_stop_signals();

[[nodiscard]] bool is_stopped() noexcept;

/// For GetOptions::on_wake, and between the parts of a longer wait.
void throw_if_stopped();

}  // namespace frames
