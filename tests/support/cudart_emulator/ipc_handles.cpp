#include "support/cudart_emulator/ipc_handles.hpp"

#include <fstream>
#include <string>

namespace emulator {

std::array<std::uint8_t, 16> boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string text;
    std::getline(file, text);
    std::array<std::uint8_t, 16> id{};
    std::size_t digits = 0;
    for (const char digit : text) {
        const char lower = static_cast<char>(digit | 0x20);
        const int value = digit >= '0' && digit <= '9'   ? digit - '0'
                          : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                         : -1;
        if (value >= 0 && digits < 2 * id.size()) {
            id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] << 4U | static_cast<unsigned>(value));
            ++digits;
        }
    }
    return id;
}

}  // namespace emulator
