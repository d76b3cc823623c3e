#include <fastio/allocation.hpp>

#include <utility>

#include "client/allocation_impl.hpp"
#include "client/lookup.hpp"
#include "client/publishing.hpp"
#include "client/streams.hpp"
#include "core/fail.hpp"

namespace fastio {
namespace {

detail::AllocationImpl& usable(detail::AllocationImpl* impl, std::string_view call) {
    if (impl == nullptr) [[unlikely]] {
        fail(Errc::released, "{} was called on an Allocation that was released, freed or moved from: get it again",
             call);
    }
    impl->check_not_forked(call);
    return *impl;
}

void check_range(const detail::AllocationImpl& impl, const void* host, std::uint64_t bytes, const CopyOptions& options,
                 std::string_view call) {
    const std::uint64_t size = impl.acquired.placement.size;
    if (options.offset > size || bytes > size - options.offset) {
        fail(Errc::invalid_argument, "{} of {} bytes at offset {}: the allocation has {} bytes", call, bytes,
             options.offset, size);
    }
    if (host == nullptr && bytes > 0) {
        fail(Errc::invalid_argument, "{} of {} bytes was given no host memory", call, bytes);
    }
    detail::check_stream(*impl.device, options.stream, call);
}

}  // namespace

void detail::AllocationImplDeleter::operator()(AllocationImpl* impl) const noexcept {
    if (impl->claim != Claim::none) {
        drop_claim(*impl);
    }
    Client* const client = impl->is_user ? impl->client : nullptr;
    delete impl;
    if (client != nullptr && !client->liveness().forked()) {
        client->leave();
    }
}

Allocation::Allocation() noexcept = default;
Allocation::Allocation(Allocation&& other) noexcept = default;
Allocation& Allocation::operator=(Allocation&& other) noexcept = default;
Allocation::~Allocation() = default;
Allocation::Allocation(std::unique_ptr<detail::AllocationImpl, detail::AllocationImplDeleter> impl) noexcept
    : impl_(std::move(impl)) {}

Allocation::operator bool() const noexcept {
    return impl_ != nullptr;
}

void* Allocation::data() const {
    return usable(impl_.get(), "data").data;
}

std::size_t Allocation::span_count(std::size_t element_bytes) const {
    const std::uint64_t size = usable(impl_.get(), "as_span").acquired.placement.size;
    if (size % element_bytes != 0) {
        fail(Errc::invalid_argument,
             "as_span of elements of {} bytes: the allocation has {} bytes, which is no multiple", element_bytes, size);
    }
    return size / element_bytes;
}

std::uint64_t Allocation::size() const {
    return usable(impl_.get(), "size").acquired.placement.size;
}

std::uint64_t Allocation::count() const {
    return element_count(usable(impl_.get(), "count").acquired.copy.shape);
}

DataType Allocation::type() const {
    return usable(impl_.get(), "type").acquired.copy.type;
}

std::span<const std::int64_t> Allocation::dimensions() const {
    return usable(impl_.get(), "dimensions").acquired.copy.shape.span();
}

const Attributes& Allocation::attributes() const {
    static const Attributes none;
    const detail::AllocationImpl& impl = usable(impl_.get(), "attributes");
    return impl.attributes ? *impl.attributes : none;
}

std::string Allocation::device() const {
    return usable(impl_.get(), "device").device->info().name;
}

std::string_view Allocation::name() const {
    return usable(impl_.get(), "name").name_view();
}

std::uint64_t Allocation::version() const {
    return usable(impl_.get(), "version").acquired.copy.version;
}

void Allocation::set_type_and_dimensions(DataType type, std::span<const std::int64_t> dimensions) {
    detail::AllocationImpl& impl = usable(impl_.get(), "set_type_and_dimensions");
    const Shape shape = make_shape(dimensions);
    const std::uint64_t needed = size_bytes(type, shape);
    if (needed > impl.acquired.placement.size) {
        fail(Errc::invalid_argument,
             "set_type_and_dimensions to {} elements of {} needs {} bytes: the allocation has {}", element_count(shape),
             to_string(type), needed, impl.acquired.placement.size);
    }
    impl.acquired.copy.type = type;
    impl.acquired.copy.shape = shape;
}

void Allocation::set_type_and_dimensions(DataType type, std::initializer_list<std::int64_t> dimensions) {
    set_type_and_dimensions(type, std::span(dimensions.begin(), dimensions.size()));
}

void Allocation::publish(std::string_view name, const PublishOptions& options) {
    detail::publish(usable(impl_.get(), "publish"), name, options);
}

void Allocation::release() {
    static_cast<void>(usable(impl_.get(), "release"));
    impl_.reset();
}

void Allocation::release(Stream stream) {
    detail::AllocationImpl& impl = usable(impl_.get(), "release");
    detail::check_stream(*impl.device, stream, "release");
    if (stream && impl.claim != detail::Claim::none) {
        detail::drop_claim_behind(impl, stream);
    }
    impl_.reset();
}

void Allocation::release(Completed /*completed*/) {
    detail::drop_claim_now(usable(impl_.get(), "release"));
    impl_.reset();
}

void Allocation::free() {
    free(Stream{});
}

void Allocation::free(Stream stream) {
    detail::AllocationImpl& impl = usable(impl_.get(), "free");
    detail::check_stream(*impl.device, stream, "free");
    try {
        detail::free(impl, stream);
    } catch (...) {
        if (impl.claim == detail::Claim::none) {
            impl_.reset();
        }
        throw;
    }
    impl_.reset();
}

void Allocation::unpublish() {
    detail::unpublish(usable(impl_.get(), "unpublish"));
}

void Allocation::order(Stream first, Stream later) const {
    const detail::AllocationImpl& impl = usable(impl_.get(), "order");
    for (const Stream stream : {first, later}) {
        if (!stream) {
            fail(Errc::invalid_argument, "order was given no stream: it takes two");
        }
        detail::check_stream(*impl.device, stream, "order");
    }
    if (first != later) {
        impl.device->wait_for(*impl.device->mark(first), later);
    }
}

void Allocation::check() const {
    const detail::AllocationImpl& impl = usable(impl_.get(), "check");
    const StateWord state = impl.client->reader().allocation_state(impl.ref().slot);
    if (state.generation == impl.ref().generation && state.poisoned) {
        detail::fail_producer_lost(impl, impl.name_view(), "check");
    }
    if (impl.awaited && impl.client->service_is_dead()) {
        fail(Errc::service_lost,
             "check of '{}': the service died while a stream waited for the contents, and nobody can tell any more "
             "whether they were completed",
             impl.name_view());
    }
    detail::check_not_lost(*impl.device, "check");
}

void Allocation::copy_from(const void* host, std::uint64_t bytes, const CopyOptions& options) {
    const detail::AllocationImpl& impl = usable(impl_.get(), "copy_from");
    check_range(impl, host, bytes, options, "copy_from");
    impl.device->copy(impl.data + options.offset, host, bytes, options.stream);
}

void Allocation::copy_to(void* host, std::uint64_t bytes, const CopyOptions& options) const {
    const detail::AllocationImpl& impl = usable(impl_.get(), "copy_to");
    check_range(impl, host, bytes, options, "copy_to");
    impl.device->copy(host, impl.data + options.offset, bytes, options.stream);
}

}  // namespace fastio
