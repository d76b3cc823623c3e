#include "module.hpp"

#include <fastio/version.hpp>

NB_MODULE(_core, module) {
    using namespace fastio::python;
    // A Python program may end with objects in its globals: their leases end with the process.
    nb::set_leak_warnings(false);
    module.doc() = "The C++ library of Fast I/O. Private: use the package `fastio`.";
    module.attr("version") = FASTIO_VERSION_STRING;
    bind_errors(module);
    bind_data_type(module);
    bind_information(module);
    bind_watch(module);
    bind_allocation(module);
    bind_context(module);
}
