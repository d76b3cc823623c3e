#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fastio/allocation.hpp>
#include <fastio/data_type.hpp>
#include <fastio/error.hpp>

/// Hands an Allocation to libraries that speak DLPack (PyTorch, CuPy, NumPy, JAX), without a copy. Needs no CUDA and no
/// dlpack.h: the structs have the layout of DLPack 1.1, so that a pointer to one may be passed where dlpack.h's struct
/// of the same name is expected.
namespace fastio::dlpack {

/// DLPackVersion: readers of another major version must refuse the tensor.
struct DLPackVersion {
    std::uint32_t major;
    std::uint32_t minor;
};

/// DLDeviceType, as far as Fast I/O uses it.
enum DLDeviceType : std::int32_t { kDLCPU = 1, kDLCUDA = 2 };

struct DLDevice {
    DLDeviceType device_type;
    std::int32_t device_id;
};

struct DLDataType {
    std::uint8_t code;  ///< TypeCode has DLDataTypeCode's numbers
    std::uint8_t bits;
    std::uint16_t lanes;
};

struct DLTensor {
    void* data;
    DLDevice device;
    std::int32_t ndim;
    DLDataType dtype;
    std::int64_t* shape;
    std::int64_t* strides;  ///< in elements; C order
    std::uint64_t byte_offset;
};

/// The struct before DLPack 1.0. It cannot say that memory is read-only.
struct DLManagedTensor {
    DLTensor dl_tensor;
    void* manager_ctx;
    void (*deleter)(DLManagedTensor* self);
};

inline constexpr std::uint64_t kFlagReadOnly = 1;  ///< DLPACK_FLAG_BITMASK_READ_ONLY
inline constexpr std::uint64_t kFlagIsCopied = 2;  ///< DLPACK_FLAG_BITMASK_IS_COPIED; Fast I/O never copies

struct DLManagedTensorVersioned {
    DLPackVersion version;
    void* manager_ctx;
    void (*deleter)(DLManagedTensorVersioned* self);
    std::uint64_t flags;
    DLTensor dl_tensor;
};

static_assert(sizeof(void*) != 8 ||
              (sizeof(DLTensor) == 48 && sizeof(DLManagedTensor) == 64 && sizeof(DLManagedTensorVersioned) == 80));

/// Calls the tensor's own deleter. `release()` the pointer to hand the tensor to its consumer, who then calls it.
struct Deleter {
    template <class Tensor>
    void operator()(Tensor* tensor) const noexcept {
        tensor->deleter(tensor);
    }
};
using ManagedTensor = std::unique_ptr<DLManagedTensor, Deleter>;
using ManagedTensorVersioned = std::unique_ptr<DLManagedTensorVersioned, Deleter>;

enum class Access { read_write, read_only };

namespace detail {

/// A tensor, and what it points to.
template <class Tensor>
struct Export {
    Tensor tensor{};
    Allocation allocation{};
    std::array<std::int64_t, 8> shape{};
    std::array<std::int64_t, 8> strides{};
};

[[nodiscard]] inline DLDevice to_device(const std::string& name) {
    constexpr std::string_view kCuda = "cuda:";
    if (name == "host") {
        return {kDLCPU, 0};
    }
    if (name.starts_with(kCuda)) {
        return {kDLCUDA, std::stoi(name.substr(kCuda.size()))};
    }
    throw Error(Errc::unsupported, "to_dlpack: DLPack has no device for memory on '" + name + "'");
}

template <class Tensor>
[[nodiscard]] std::unique_ptr<Tensor, Deleter> make(Allocation&& allocation) {
    // Everything that can fail comes before the move: after an error the caller still has its lease.
    auto made = std::make_unique<Export<Tensor>>();
    const DataType type = allocation.type();
    const auto dimensions = allocation.dimensions();
    std::int64_t step = 1;
    for (std::size_t i = dimensions.size(); i-- > 0;) {
        made->shape[i] = dimensions[i];
        made->strides[i] = step;
        step *= dimensions[i] > 0 ? dimensions[i] : 1;
    }
    DLTensor& tensor = made->tensor.dl_tensor;
    tensor.data = allocation.data();
    tensor.device = to_device(allocation.device());
    tensor.ndim = static_cast<std::int32_t>(dimensions.size());
    tensor.dtype = {static_cast<std::uint8_t>(type.code), type.bits, type.lanes};
    tensor.shape = made->shape.data();
    tensor.strides = made->strides.data();
    tensor.byte_offset = 0;
    made->tensor.manager_ctx = made.get();
    made->tensor.deleter = [](Tensor* self) { delete static_cast<Export<Tensor>*>(self->manager_ctx); };
    made->allocation = std::move(allocation);
    return std::unique_ptr<Tensor, Deleter>(&made.release()->tensor);
}

}  // namespace detail

/// The allocation as a DLPack 1.1 tensor. The tensor owns the lease and its deleter releases it; the Allocation is then
/// as if moved from. The deleter may run in any thread. Errors: released, forked; the Allocation is unchanged then.
[[nodiscard]] inline ManagedTensorVersioned to_dlpack(Allocation&& allocation, Access access = Access::read_write) {
    ManagedTensorVersioned tensor = detail::make<DLManagedTensorVersioned>(std::move(allocation));
    tensor->version = {1, 1};
    tensor->flags = access == Access::read_only ? kFlagReadOnly : 0;
    return tensor;
}

/// The same for consumers that know no versions.
[[nodiscard]] inline ManagedTensor to_dlpack_unversioned(Allocation&& allocation) {
    return detail::make<DLManagedTensor>(std::move(allocation));
}

}  // namespace fastio::dlpack
