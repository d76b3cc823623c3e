#include "client/publish_array.hpp"

#include <vector>

#include "client/creating.hpp"
#include "client/publishing.hpp"
#include "client/streams.hpp"
#include "client/strided_copy.hpp"
#include "core/fail.hpp"
#include "core/shape.hpp"

namespace fastio::detail {
namespace {

Shape checked_strides(const ArrayView& array, const Shape& shape) {
    if (array.strides.empty()) {
        return c_order_strides(shape, array.type.size_bytes());
    }
    if (array.strides.size() != shape.rank) {
        fail(Errc::invalid_argument,
             "publish_array was given {} strides for {} dimensions: give one each, or none for C "
             "order",
             array.strides.size(), shape.rank);
    }
    Shape strides;
    strides.rank = shape.rank;
    for (std::uint32_t i = 0; i < shape.rank; ++i) {
        std::int64_t span = 0;
        if (__builtin_mul_overflow(array.strides[i], shape.extents[i], &span) || span == INT64_MIN) {
            fail(Errc::invalid_argument,
                 "publish_array was given a stride of {} bytes for dimension {} of {} elements: "
                 "no array is that large",
                 array.strides[i], i, shape.extents[i]);
        }
        strides.extents[i] = array.strides[i];
    }
    return strides;
}

void copy_in(AllocationImpl& impl, const ArrayView& array, const Shape& shape, const Shape& strides,
             std::uint64_t bytes, Stream stream) {
    const auto* const from = static_cast<const std::byte*>(array.data);
    const std::uint64_t element_bytes = array.type.size_bytes();
    if (is_c_order(shape, strides.span(), element_bytes)) {
        impl.device->copy(impl.data, from, bytes, stream);
    } else if (impl.device->info().host_accessible) {
        copy_to_c_order(impl.data, from, shape, strides.span(), element_bytes);
    } else {
        std::vector<std::byte> packed(bytes);
        copy_to_c_order(packed.data(), from, shape, strides.span(), element_bytes);
        impl.device->copy(impl.data, packed.data(), bytes, stream);
        impl.device->synchronise(stream);  // `packed` ends here
    }
}

}  // namespace

void publish_array(Client& client, const ArrayView& array, std::string_view name, const PublishOptions& options,
                   CreateOptions creation) {
    client.check_open("publish_array");
    check_publication(name, options);  // refused before anything is copied
    const Shape shape = make_shape(array.dimensions);
    const std::uint64_t bytes = size_bytes(array.type, shape);
    const Shape strides = checked_strides(array, shape);
    if (array.data == nullptr && bytes > 0) {
        fail(Errc::invalid_argument, "publish_array of '{}' was given no data for {} bytes", name, bytes);
    }
    if (options.stream && is_own_device(creation)) {
        check_stream(client.devices().compute(), options.stream, "publish_array");
    }
    creation.stream = options.stream;
    creation.zero = false;
    const AllocationPtr impl = create(client, bytes, array.type, shape, creation, StreamUse::copies);
    if (bytes > 0) {
        copy_in(*impl, array, shape, strides, bytes, options.stream);
    }
    publish(*impl, name, options);
    // Nothing but the copy has used the memory.
    options.stream ? drop_claim_behind(*impl, options.stream) : drop_claim_now(*impl);
}

}  // namespace fastio::detail
