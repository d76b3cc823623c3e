#include "table/boot_id.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string>

#include "core/fail.hpp"

namespace fastio::table {

std::array<std::uint8_t, 16> read_boot_id() {
    constexpr const char* kFile = "/proc/sys/kernel/random/boot_id";
    std::ifstream file(kFile);
    if (!file.is_open()) {
        const int error = errno;
        fail(Errc::io_error, "could not open {}: {} ({}){}", kFile, std::strerror(error), error,
             error == EMFILE ? "; raise the limit of open files (ulimit -n)" : "; is /proc mounted?");
    }
    std::string text;
    std::getline(file, text);
    std::string digits = text;
    std::erase(digits, '-');
    std::array<std::uint8_t, 16> id{};
    bool good = digits.size() == 2 * id.size();
    for (std::size_t i = 0; good && i < id.size(); ++i) {
        const char* const at = digits.data() + 2 * i;
        const auto [end, error] = std::from_chars(at, at + 2, id[i], 16);
        good = error == std::errc() && end == at + 2;
    }
    if (!good) {
        fail(Errc::io_error, "could not read the id of this boot from {} (found '{}'); is /proc mounted?", kFile, text);
    }
    return id;
}

}  // namespace fastio::table
