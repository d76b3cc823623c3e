#include <fastio/watch.hpp>

namespace fastio {

const char* to_string(WatchEvent::Kind kind) noexcept {
    using enum WatchEvent::Kind;
    switch (kind) {
        case published:
            return "published";
        case replaced:
            return "replaced";
        case unpublished:
            return "unpublished";
        case context_created:
            return "context_created";
        case context_ended:
            return "context_ended";
        case session_joined:
            return "session_joined";
        case session_left:
            return "session_left";
        case lost:
            return "lost";
    }
    return "unknown";
}

}  // namespace fastio
