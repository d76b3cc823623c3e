#pragma once

#include <string>

namespace fastio::doctor {

/// Whether connections to a service's socket, `given` as in ContextOptions, are accepted: also those to a service that
/// is stopped, which the kernel accepts in its place.
[[nodiscard]] bool somebody_listens(const std::string& given) noexcept;

}  // namespace fastio::doctor
