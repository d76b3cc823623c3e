#pragma once

#include <utility>

namespace fastio {

/// Owns one file descriptor; closes it once.
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    /// Gives up ownership.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    /// Inline, because a packet has 253 of them that are mostly empty.
    void reset() noexcept {
        if (fd_ >= 0) {
            close();
        }
    }
    /// A second descriptor for the same open file, close-on-exec. Errors: io_error.
    [[nodiscard]] Descriptor duplicate() const;

private:
    void close() noexcept;  ///< it is open

    int fd_ = -1;
};

}  // namespace fastio
