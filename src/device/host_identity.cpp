#include "device/host_identity.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "core/fail.hpp"
#include "device/process_limits.hpp"

namespace fastio {
namespace {

constexpr const char* kBootIdFile = "/proc/sys/kernel/random/boot_id";

std::optional<std::uint8_t> hex_digit(char digit) noexcept {
    if (digit >= '0' && digit <= '9') {
        return static_cast<std::uint8_t>(digit - '0');
    }
    if (digit >= 'a' && digit <= 'f') {
        return static_cast<std::uint8_t>(digit - 'a' + 10);
    }
    return std::nullopt;
}

}  // namespace

std::array<std::uint8_t, 16> read_boot_id() {
    std::ifstream file(kBootIdFile);
    if (!file.is_open()) {
        const int error = errno;
        fail(Errc::io_error, "could not open {}: {} ({}){}", kBootIdFile, std::strerror(error), error,
             error == EMFILE || error == ENFILE ? remedy_for_descriptors(error) : "; is /proc mounted?");
    }
    std::string text;
    std::getline(file, text);
    std::array<std::uint8_t, 16> id{};
    std::size_t digits = 0;
    for (const char c : text) {
        const std::optional<std::uint8_t> digit = hex_digit(c);
        if (digit && digits < 2 * id.size()) {
            id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] << 4 | *digit);
            ++digits;
        }
    }
    if (digits != 2 * id.size()) {
        fail(Errc::io_error, "could not read the boot id of this machine from {} (found '{}'); is /proc mounted?",
             kBootIdFile, text);
    }
    return id;
}

HostIdentity host_identity() {
    struct stat status {};
    if (::stat("/proc/self/ns/pid", &status) != 0) {
        const int error = errno;
        fail(Errc::io_error, "could not read this process's PID namespace from /proc/self/ns/pid: {} ({})",
             std::strerror(error), error);
    }
    return {read_boot_id(), ::getpid(), status.st_ino};
}

}  // namespace fastio
