#pragma once

#include "allocation.hpp"
#include "module.hpp"

/// How other libraries see an allocation as an array, without a copy.
namespace fastio::python {

/// Adds the class whose objects keep a lease for NumPy's arrays.
void bind_exports(nb::module_& module);

/// The buffer protocol of FastIOAllocation and its part in the collection of cycles, for its class.
[[nodiscard]] PyType_Slot* allocation_slots() noexcept;

/// Copies an array of any library into the allocation: see copy_from's docstring. Needs the GIL.
void copy_array(PyAllocation& self, nb::handle array, Stream stream);

/// A buffer's bytes to some of the memory's. Errors: those of Allocation::copy_from; BufferError.
void copy_bytes(PyAllocation& self, nb::handle buffer, std::uint64_t offset);

/// Adds __dlpack__, __array_interface__, __cuda_array_interface__, numpy() and their like.
void bind_array_protocols(nb::class_<PyAllocation>& allocation);

}  // namespace fastio::python
