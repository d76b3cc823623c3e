#pragma once

namespace fastio::gpu {

/// Says which GPU the calling thread's CUDA calls are about while it lives, so that an error that breaks one is booked
/// on that one: a call on a stream is about the stream's GPU, whichever is current. Asks no driver, which after the
/// loss of a GPU may not even say which is current.
class AboutGpu {
public:
    /// `ordinal` as this process counts.
    explicit AboutGpu(int ordinal) noexcept;
    AboutGpu(const AboutGpu&) = delete;
    AboutGpu& operator=(const AboutGpu&) = delete;
    ~AboutGpu();

    /// The GPU of the calling thread's innermost AboutGpu; -1 without one.
    [[nodiscard]] static int of_thread() noexcept;

private:
    const int outer_;
};

}  // namespace fastio::gpu
