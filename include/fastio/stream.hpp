#pragma once

#include <concepts>
#include <type_traits>

struct CUstream_st;  // what cudaStream_t and CUstream point to

namespace fastio {

class Stream;

namespace detail {

/// A class that stands for a CUDA stream, as cuda::stream_ref and the streams of most libraries do.
template <class T>
concept StreamHolder = std::is_class_v<T> && !std::same_as<T, Stream> && std::convertible_to<const T&, CUstream_st*>;

}  // namespace detail

/// A CUDA stream, or none. `Stream{}` is no stream: the call then does not return before the work is done. Anything
/// convertible to cudaStream_t makes a stream, and so do 0 (the legacy default stream) and cudaStreamPerThread. These
/// two are those of the GPU that the Context computes on (Context::device), whichever GPU is the calling thread's
/// current one; any other stream says itself of which GPU it is. A value type: it neither owns the stream nor needs a
/// CUDA header.
class Stream {
public:
    constexpr Stream() noexcept = default;

    // NOLINTNEXTLINE(google-explicit-constructor): a stream is written where an option asks for one
    constexpr Stream(CUstream_st* stream) noexcept : stream_(stream), given_(true) {}

    template <detail::StreamHolder T>
    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr Stream(const T& stream) noexcept : Stream(static_cast<CUstream_st*>(stream)) {}

    /// True when a stream was given, the null stream included.
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return given_; }

    /// The stream's handle; null for the legacy default stream and for no stream.
    [[nodiscard]] constexpr CUstream_st* handle() const noexcept { return stream_; }

    friend constexpr bool operator==(const Stream&, const Stream&) = default;

private:
    CUstream_st* stream_ = nullptr;
    bool given_ = false;
};

/// Says where a stream could be given that the caller has waited for the GPU himself, for an event or a stream: no work
/// on the memory is left.
struct Completed {
    explicit Completed() = default;
};
inline constexpr Completed completed{};

}  // namespace fastio
