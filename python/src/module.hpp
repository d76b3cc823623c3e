#pragma once

#include <nanobind/nanobind.h>

#include <nanobind/stl/string.h>
#include <fastio/watch.hpp>

namespace fastio::python {

namespace nb = nanobind;

// Each adds its classes to the module `fastio._core`.
void bind_errors(nb::module_& module);
void bind_data_type(nb::module_& module);
void bind_allocation(nb::module_& module);
void bind_context(nb::module_& module);
void bind_information(nb::module_& module);
void bind_watch(nb::module_& module);

/// As a `fastio.Watch`, which ends without the GIL.
nb::object adopt_watch(Watch&& watch);

}  // namespace fastio::python
