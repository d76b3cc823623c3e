#include <cerrno>
#include <cstdlib>

#include "wire/socket.hpp"

namespace fastio::wire {

std::string operator_name() {
    if (const char* const stage = std::getenv("FASTIO_STAGE"); stage != nullptr && *stage != '\0') {
        return stage;
    }
    return program_invocation_short_name;
}

}  // namespace fastio::wire
