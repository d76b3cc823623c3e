#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace fastio {

/// Has the kernel read from each of these pages, so that shared ones are allocated; a page that cannot be had is an
/// error and no signal. What MADV_POPULATE_READ does faster from Linux 5.14 on. Gives 0, or the number of the error
/// (errno).
[[nodiscard]] int populate_by_reading(const void* data, std::size_t bytes) noexcept;

/// Owns one shared memory mapping of a file; unmaps it once.
class Mapping {
public:
    enum class Access { read_only, read_write };
    enum class Fork { inherit, not_inherited };  ///< not_inherited: MADV_DONTFORK (design P9)

    Mapping() noexcept = default;
    /// Maps `bytes` of `fd` from its start. Errors: io_error.
    Mapping(int fd, std::size_t bytes, Access access, Fork fork = Fork::inherit);
    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    [[nodiscard]] std::byte* data() const noexcept { return static_cast<std::byte*>(address_); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
    [[nodiscard]] explicit operator bool() const noexcept { return address_ != nullptr; }
    /// Allocates the pages of a range now, so that a later access cannot fail. Unlike reserve_pages it takes no lock of
    /// the file's: whoever may write to a file can hold those for as long as it likes (a `write` from memory that does
    /// not answer). Errors: out_of_memory, io_error.
    void populate(std::size_t offset, std::size_t bytes) const;
    /// Gives up ownership without unmapping (used in a forked child, where the range may be gone).
    void abandon() noexcept;

private:
    void* address_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace fastio
