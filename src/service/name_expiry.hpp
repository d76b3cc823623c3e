#pragma once

#include "service/registry.hpp"

namespace fastio::service {

/// Removes names at the end of their time to live. The service wakes for the next one of a context, and for no other.
class NameExpiry {
public:
    explicit NameExpiry(Registry& registry) noexcept : registry_(registry) {}

    /// After a publish with a time to live, and after names may have gone. Errors: std::bad_alloc; it is as before.
    void rearm(Context& context);
    /// Where this fails, tidying arms it again.
    void on_due(Context& context);

private:
    Registry& registry_;
};

}  // namespace fastio::service
