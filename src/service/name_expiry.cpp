#include "service/name_expiry.hpp"

namespace fastio::service {

void NameExpiry::rearm(Context& context) {
    const auto next = context.publications().next_expiry();
    if (!context.expiry) {
        if (next) {
            context.expiry = registry_.timers.add_at(*next, {Timers::Purpose::expiry, context.id()});
        }
    } else if (!next) {
        registry_.timers.cancel(*context.expiry);
        context.expiry.reset();
    } else if (*next < (*context.expiry)->first) {  // else it looks for the next one when it is due
        context.expiry = registry_.timers.move(*context.expiry, *next);
    }
}

void NameExpiry::on_due(Context& context) {
    context.expiry.reset();
    context.touch();
    const std::size_t gone = context.expire(std::chrono::steady_clock::now());
    if (gone > 0) {
        registry_.debug("the time of {} names of '{}' was over", gone, context.job());
    }
}

}  // namespace fastio::service
