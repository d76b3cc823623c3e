#pragma once

#include "service/registry.hpp"

namespace fastio::service {

/// Sees to it that no stream waits for ever, and that nobody takes incomplete contents for complete ones: fences whose
/// producer died or that are pending for longer than the fence limit (design P6, P7); and that leases which streams
/// clear are noticed (design P4).
class FenceWatch {
public:
    explicit FenceWatch(Registry& registry) : registry_(registry) {}

    /// Errors: those of Fences::grant.
    void grant(Session& session, const wire::GrantFences& message);
    /// After a publish: looks again at the fence limit of the oldest pending fence.
    void rearm(Context& context);
    /// The oldest fence may have reached its limit.
    void on_limit(Context& context);
    /// A member ends without a bye: what it had not completed is poisoned at once.
    void producer_died(const Session& session);
    /// A member is over, by design P3: its words are completed.
    void producer_gone(const Session& session);

    /// The service ends, and its process may live on: nobody would complete a word any more. Throws nothing: what
    /// memory is lacking for stays pending.
    void service_ends(Context& context) noexcept;

    /// After a scan: looks again soon, while a retired allocation has a lease that only a stream will clear.
    void follow_streams(Context& context);
    void on_streams(Context& context);
    /// Unless it looks again anyway.
    void scan_later(Context& context, std::chrono::nanoseconds delay);

private:
    void report(const Context& context, const std::vector<Fences::Lost>& lost, std::string_view why);

    Registry& registry_;
};

}  // namespace fastio::service
