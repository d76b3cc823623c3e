#include <fastio/contents.hpp>

namespace fastio {

const char* to_string(Contents contents) noexcept {
    switch (contents) {
        case Contents::complete:
            return "complete";
        case Contents::pending:
            return "pending";
        case Contents::lost:
            return "lost";
    }
    return "unknown";
}

}  // namespace fastio
