#include "device/device_name.hpp"

#include <charconv>
#include <optional>

#include "core/fail.hpp"

namespace fastio {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";
constexpr std::size_t kUuidDigits = 36;  // 8-4-4-4-12, the dashes included

std::optional<std::uint32_t> parse_index(std::string_view text) {
    std::uint32_t index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return index;
}

std::optional<std::string> parse_uuid(std::string_view text) {
    std::string uuid = "GPU-";
    if (text.starts_with("GPU-") || text.starts_with("MIG-")) {
        uuid = text.substr(0, 4);
        text.remove_prefix(4);
    }
    if (text.size() != kUuidDigits) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool lower = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        const bool upper = c >= 'A' && c <= 'F';
        if (dash ? c != '-' : !lower && !upper) {
            return std::nullopt;
        }
        uuid += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return uuid;
}

}  // namespace

DeviceName parse_device_name(std::string_view text) {
    if (text == "auto") {
        return {};
    }
    if (text == "host") {
        return {DeviceName::Kind::host};
    }
    if (text.starts_with(kCudaPrefix)) {
        const std::string_view rest = text.substr(kCudaPrefix.size());
        if (const auto index = parse_index(rest)) {
            return {DeviceName::Kind::cuda_index, *index};
        }
        if (auto uuid = parse_uuid(rest)) {
            return {DeviceName::Kind::cuda_uuid, 0, *std::move(uuid)};
        }
    }
    fail(Errc::invalid_argument,
         "'{}' is not a device: write 'auto', 'host', 'cuda:N' with a number from 0, or 'cuda:UUID' with a GPU's UUID "
         "as "
         "nvidia-smi -L shows it",
         text);
}

bool matches(const DeviceName& name, const DeviceInfo& device) {
    switch (name.kind) {
        case DeviceName::Kind::automatic:
            return true;
        case DeviceName::Kind::host:
            return device.name == "host";
        case DeviceName::Kind::cuda_index:
            return device.name == fmt::format("{}{}", kCudaPrefix, name.index);
        case DeviceName::Kind::cuda_uuid:
            // Without the prefix: the runtime gives a MIG instance's UUID without saying that it is one.
            return device.uuid.size() == name.uuid.size() &&
                   device.uuid.compare(4, std::string::npos, name.uuid, 4) == 0;
    }
    return false;
}

}  // namespace fastio
