#include "interrupts.hpp"

#include "gil.hpp"

namespace fastio::python {

bool has_interrupt() noexcept {
    if (Py_IsInitialized() == 0) {
        return false;
    }
    const WithGil locked;
    const nb::error_scope untouched;  // of an error that ends a context just now
    if (PyOS_InterruptOccurred() == 0) {
        return false;
    }
    // The question took it back. Who listens on a descriptor for signals, as asyncio does, has heard of it already.
    try {
        const nb::object listen_on = nb::module_::import_("_signal").attr("set_wakeup_fd");
        const nb::object descriptor = listen_on(-1);
        PyErr_SetInterrupt();
        listen_on(descriptor);
    } catch (const nb::python_error&) {
        PyErr_SetInterrupt();
    }
    return true;
}

}  // namespace fastio::python
