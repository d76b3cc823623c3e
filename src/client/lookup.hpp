#pragma once

#include <string_view>

#include <fastio/context.hpp>

#include "client/allocation_impl.hpp"
#include "client/client.hpp"

namespace fastio::detail {

/// Context::get, with null instead of not_found and timed_out. Design P2: once the slab is mapped and the name is
/// there, no system call.
[[nodiscard]] AllocationPtr get(Client& client, std::string_view name, const GetOptions& options);

/// Throws what get() and check() throw of contents that will never be complete.
[[noreturn]] void fail_producer_lost(const AllocationImpl& impl, std::string_view name, std::string_view call);

}  // namespace fastio::detail
