// What streams do while they are recorded into a graph: nothing. Which calls that forbids is modelled, the graphs are
// not.

#include <algorithm>
#include <utility>

#include "support/cudart_emulator/refused.hpp"
#include "support/cudart_emulator/streams.hpp"

namespace emulator {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

bool is_active(const Stream& stream) {
    return stream.capture.status == cudaStreamCaptureStatusActive;
}

}  // namespace

cudaStreamCaptureMode Streams::exchange_thread_mode(cudaStreamCaptureMode mode) noexcept {
    return std::exchange(thread_mode, mode);
}

void Streams::begin_capture(Stream& stream, cudaStreamCaptureMode mode) {
    refuse_if(stream.kind == Stream::Kind::legacy, cudaErrorStreamCaptureUnsupported);
    refuse_if(stream.capture.status != cudaStreamCaptureStatusNone, cudaErrorIllegalState);
    stream.capture = {cudaStreamCaptureStatusActive, mode, ++last_capture_, true, this_thread()};
}

void Streams::end_capture(Stream& stream) {
    const Capture ended = stream.capture;
    refuse_if(ended.status == cudaStreamCaptureStatusNone, cudaErrorIllegalState);
    refuse_if(!ended.is_origin, cudaErrorStreamCaptureUnmatched);
    refuse_if(ended.mode != cudaStreamCaptureModeRelaxed && ended.thread != this_thread(),
              cudaErrorStreamCaptureWrongThread);
    for (Stream* one : all(stream.gpu)) {
        if (one->capture.id == ended.id) {
            one->capture = {};
        }
    }
    refuse_if(ended.status == cudaStreamCaptureStatusInvalidated, cudaErrorStreamCaptureInvalidated);
}

void Streams::join_capture(Stream& stream, std::uint64_t id) {
    refuse_if(stream.kind == Stream::Kind::legacy, cudaErrorStreamCaptureImplicit);
    if (stream.capture.status != cudaStreamCaptureStatusNone) {
        refuse_if(stream.capture.id != id, cudaErrorStreamCaptureMerge);
        return;
    }
    for (const Stream* one : all(stream.gpu)) {
        if (one->capture.id == id) {
            stream.capture = one->capture;
            stream.capture.is_origin = false;
            return;
        }
    }
    refuse(cudaErrorStreamCaptureIsolation);  // that capture has ended
}

void Streams::refuse_capturing(Stream& stream) {
    if (stream.kind == Stream::Kind::legacy) {
        refuse_implicit(stream);
        return;
    }
    if (stream.capture.status != cudaStreamCaptureStatusNone) {
        stream.capture.status = cudaStreamCaptureStatusInvalidated;
        refuse(cudaErrorStreamCaptureUnsupported);
    }
}

void Streams::refuse_implicit(const Stream& legacy) {
    bool implicit = false;
    for (Stream* other : all(legacy.gpu)) {
        if (other->blocks() && is_active(*other)) {
            other->capture.status = cudaStreamCaptureStatusInvalidated;
            implicit = true;
        }
    }
    refuse_if(implicit, cudaErrorStreamCaptureImplicit);
}

bool Streams::orders_capturing(const Stream& legacy) {
    const std::vector<Stream*> others = all(legacy.gpu);
    return std::any_of(others.begin(), others.end(),
                       [](const Stream* other) { return other->blocks() && is_active(*other); });
}

void Streams::refuse_unsafe() {
    if (thread_mode == cudaStreamCaptureModeRelaxed) {
        return;
    }
    bool unsafe = false;
    for (auto& [handle, stream] : created_) {
        const bool own =
            stream->capture.thread == this_thread() && stream->capture.mode != cudaStreamCaptureModeRelaxed;
        const bool anyones =
            thread_mode == cudaStreamCaptureModeGlobal && stream->capture.mode == cudaStreamCaptureModeGlobal;
        if (is_active(*stream) && (own || anyones)) {
            stream->capture.status = cudaStreamCaptureStatusInvalidated;
            unsafe = true;
        }
    }
    refuse_if(unsafe, cudaErrorStreamCaptureUnsupported);
}

void Streams::refuse_capture_on(std::uint32_t gpu) {
    bool capturing = false;
    for (Stream* stream : all(gpu)) {
        if (is_active(*stream)) {
            stream->capture.status = cudaStreamCaptureStatusInvalidated;
            capturing = true;
        }
    }
    refuse_if(capturing, cudaErrorStreamCaptureUnsupported);
}

}  // namespace emulator
