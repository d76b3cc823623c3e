#pragma once

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace fastio::fuzz {

/// The bytes of an input, in the order in which a target takes them.
class Seed {
public:
    template <class T>
    Seed& put(const T& value) {
        return bytes({reinterpret_cast<const char*>(&value), sizeof(value)});
    }
    Seed& u8(unsigned value) { return put(static_cast<std::uint8_t>(value)); }
    Seed& u16(unsigned value) { return put(static_cast<std::uint16_t>(value)); }
    Seed& u32(std::uint32_t value) { return put(value); }
    Seed& u64(std::uint64_t value) { return put(value); }
    Seed& bytes(std::string_view value) {
        bytes_ += value;
        return *this;
    }
    [[nodiscard]] const std::string& str() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

/// Writes an input of a target. Seeds have names, what a fuzzer found has hashes.
void write_seed(const std::filesystem::path& folder, std::string_view name, std::string_view bytes);

// Each writes the seeds of one target into its folder.
void write_message_seeds(const std::filesystem::path& client, const std::filesystem::path& service);
void write_table_seeds(const std::filesystem::path& folder);
void write_lease_seeds(const std::filesystem::path& folder);
void write_file_seeds(const std::filesystem::path& pipeline, const std::filesystem::path& npy);
void write_nifti_seeds(const std::filesystem::path& folder);

}  // namespace fastio::fuzz
