#include "client/staging.hpp"

#include <string_view>

#include "client/allocation_impl.hpp"
#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/rounding.hpp"

namespace fastio::detail {

bool staging_is_forced() noexcept {
    const char* const value = std::getenv("FASTIO_FORCE_STAGING");
    return value != nullptr && std::string_view(value) == "1";
}

void stage(AllocationImpl& impl) {
    const std::uint64_t bytes = impl.acquired.placement.size;
    const std::uint64_t rounded = round_up(bytes + 1, kMinAlignment);
    // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): new cannot refuse politely and align to a number
    impl.staged.reset(static_cast<std::byte*>(std::aligned_alloc(kMinAlignment, rounded)));
    if (!impl.staged) {
        fail(Errc::out_of_memory, "get could not stage {} bytes in this process: unset FASTIO_FORCE_STAGING", bytes);
    }
    impl.device->copy(impl.staged.get(), impl.data, bytes, {});
    impl.data = impl.staged.get();
    Counters& counters = impl.client->counters();
    counters.bytes_copied.fetch_add(bytes, std::memory_order_relaxed);
    counters.bytes_copied_untold.fetch_add(bytes, std::memory_order_relaxed);
    Connection& connection = impl.client->connection();
    if (connection.outbox().empty()) {  // else the service is behind: told with the next ones
        wire::Copied message;
        message.bytes = counters.bytes_copied_untold.exchange(0, std::memory_order_relaxed);
        connection.post(message);
    }
}

}  // namespace fastio::detail
