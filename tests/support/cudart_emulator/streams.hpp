#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "support/cudart_emulator/device_memory.hpp"
#include "support/cudart_emulator/engine.hpp"

namespace emulator {

/// What a stream is recording instead of doing.
struct Capture {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
    std::uint64_t id = 0;
    bool is_origin = false;
    std::uint64_t thread = 0;  ///< that began it
};

struct Stream {
    enum class Kind : std::uint8_t { created, legacy, per_thread };
    Kind kind = Kind::created;
    std::uint32_t queue = 0;
    std::uint32_t gpu = 0;
    int ordinal = 0;
    unsigned flags = cudaStreamDefault;
    int priority = 0;
    std::uint64_t id = 0;
    Capture capture{};

    /// Ordered with the legacy default stream of its GPU.
    [[nodiscard]] bool blocks() const noexcept { return kind != Kind::legacy && (flags & cudaStreamNonBlocking) == 0; }
};

/// The streams of this process, and the order between them that CUDA promises: within a stream, by events, and through
/// the legacy default stream, which waits for all blocking streams of its GPU and lets them wait for it.
///
/// *Thread safety:* under the process's mutex, which `lock` holds; submit and synchronise give it up while they wait.
class Streams {
public:
    using Lock = std::unique_lock<std::mutex>;

    Streams(Engine& engine, DeviceMemory& memory) : engine_(engine), memory_(memory) {}
    Streams(const Streams&) = delete;
    Streams& operator=(const Streams&) = delete;

    /// Refuses with 400 for what is no stream. `ordinal` and `gpu` are the current device's.
    [[nodiscard]] Stream& get(cudaStream_t handle, int ordinal, std::uint32_t gpu);
    [[nodiscard]] cudaStream_t create(int ordinal, std::uint32_t gpu, unsigned flags, int priority);
    void destroy(cudaStream_t handle);

    /// Puts work behind all that it is ordered behind. Does nothing in a stream that is capturing. Refuses with 906 if
    /// that would order a capturing stream, and with the failure of its GPU.
    Point submit(Stream& stream, const Work& work, Lock& lock);
    /// The end of the stream's work, with what the legacy stream implies.
    [[nodiscard]] Point end(Stream& stream, Lock& lock);
    [[nodiscard]] bool is_idle(Stream& stream);
    /// Hurries it and returns when it is done. Refuses with the failure of its GPU.
    void synchronise(Point point, Lock& lock);
    /// All streams of a GPU.
    void synchronise(std::uint32_t gpu, Lock& lock);
    /// All streams. Those of a broken GPU are done.
    void synchronise_all(Lock& lock);
    /// Whether any stream has work left.
    [[nodiscard]] bool are_idle();
    /// Destroys the streams of a GPU.
    void destroy_all(std::uint32_t gpu);

    // Capture; in capture.cpp.
    void begin_capture(Stream& stream, cudaStreamCaptureMode mode);
    /// Refuses with 401 or 901.
    void end_capture(Stream& stream);
    /// Makes `stream` part of the capture `id`.
    void join_capture(Stream& stream, std::uint64_t id);
    /// Refuses with 900 if the stream captures, and spoils that capture.
    void refuse_capturing(Stream& stream);
    /// Refuses with 906 if using this legacy stream would order a capturing one, and spoils that capture.
    void refuse_implicit(const Stream& legacy);
    /// Whether it would.
    [[nodiscard]] bool orders_capturing(const Stream& legacy);
    /// Refuses with 900 if this thread may not make calls now that are unsafe to capture, and spoils the captures.
    void refuse_unsafe();
    /// Refuses with 900 if any stream of the GPU captures.
    void refuse_capture_on(std::uint32_t gpu);
    [[nodiscard]] static cudaStreamCaptureMode exchange_thread_mode(cudaStreamCaptureMode mode) noexcept;

private:
    void finish(Point point, Lock& lock);
    [[nodiscard]] std::vector<Point> ends(std::uint32_t gpu);
    void make_room(std::uint32_t queue, Lock& lock);
    void clean(std::uint32_t queue);
    void wait_in(const Stream& stream, Point point, Lock& lock);
    [[nodiscard]] std::vector<Stream*> all(std::uint32_t gpu);

    Engine& engine_;
    DeviceMemory& memory_;
    std::map<Stream*, std::unique_ptr<Stream>> created_{};
    std::vector<std::unique_ptr<Stream>> destroyed_{};  ///< the next one made gets the handle of the last one
    /// Work of destroyed streams: GPU and end. The device is done only after it.
    std::vector<std::pair<std::uint32_t, Point>> orphaned_{};
    std::map<std::uint32_t, Stream> legacy_{};                                ///< by gpu
    std::map<std::pair<std::uint64_t, std::uint32_t>, Stream> per_thread_{};  ///< by thread and gpu
    std::uint64_t last_id_ = 2;
    std::uint64_t last_capture_ = 0;
};

/// A number for the calling thread that no other thread ever has.
[[nodiscard]] std::uint64_t this_thread() noexcept;

}  // namespace emulator
