#pragma once

/// Ctrl-C that comes while a call waits for the service. Python would see it when the call has returned.
namespace fastio::python {

/// ContextOptions::give_up: whether SIGINT waits for its handler, in the thread that runs it. The handler runs when the
/// call has ended, which holds no lock any more that the handler's own calls could want. Takes the GIL.
bool has_interrupt() noexcept;

}  // namespace fastio::python
