#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <fastio/fastio.hpp>

namespace frames {

/// A point in a processor's work: an event on a GPU.
class Mark {
public:
    Mark() = default;
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    virtual ~Mark() = default;
    /// Returns when everything that was queued before the mark is done.
    virtual void wait() const = 0;
};

/// Computes on frames and results: on the host, or on a GPU, where the work is queued in one stream and only read(),
/// synchronise() and Mark::wait() wait for it. pixels.hpp says what is computed.
///
/// *Threads.* One, that which made it. *Errors.* std::runtime_error where CUDA fails, and those of Allocation.
class Processor {
public:
    Processor() = default;
    Processor(const Processor&) = delete;
    Processor& operator=(const Processor&) = delete;
    virtual ~Processor() = default;

    /// What the work is queued in; none on the host.
    [[nodiscard]] virtual fastio::Stream stream() const = 0;

    /// Fills `frame`, uint8 {height, width}.
    virtual void make(std::uint64_t sequence, fastio::Allocation& frame) = 0;
    /// Fills `result`, float32 {height, width + 1}, from `frame`.
    virtual void infer(const fastio::Allocation& frame, fastio::Allocation& result) = 0;
    /// The values of `result` on the host; valid until it is released or the next call.
    [[nodiscard]] virtual std::span<const float> read(const fastio::Allocation& result) = 0;

    /// The point behind all that was queued so far.
    [[nodiscard]] virtual std::unique_ptr<Mark> mark() const = 0;
    virtual void synchronise() const = 0;
};

[[nodiscard]] std::unique_ptr<Processor> make_host_processor();

/// On the GPU `ordinal`, as this process counts. Where no kernel of this program runs on it (one older than those it
/// was compiled for, the CUDA runtime emulator of the tests) it computes on the host, with copies in its stream, and
/// `notice` says so. Null, with the reason in `notice`, where the program was built without CUDA.
[[nodiscard]] std::unique_ptr<Processor> make_gpu_processor(int ordinal, std::string& notice);

}  // namespace frames
