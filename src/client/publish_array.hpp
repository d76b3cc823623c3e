#pragma once

#include <string_view>

#include <fastio/array_view.hpp>
#include <fastio/context.hpp>

#include "client/client.hpp"

namespace fastio::detail {

/// Errors: as Context::publish_array.
void publish_array(Client& client, const ArrayView& array, std::string_view name, const PublishOptions& options,
                   CreateOptions creation);

}  // namespace fastio::detail
