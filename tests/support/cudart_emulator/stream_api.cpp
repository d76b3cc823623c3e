// Streams.

#include "support/cudart_emulator/call.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::Process;
using emulator::refuse_if;
using emulator::Stream;
using emulator::Work;
using Lock = emulator::Streams::Lock;

namespace {

/// What cudaStreamEndCapture gives: something to destroy. Nothing else is modelled of graphs.
struct Graph {};

cudaError_t create(const char* name, cudaStream_t* stream, unsigned flags, int priority) {
    return call(name, [&](Process& process, Lock&) {
        refuse_if(stream == nullptr || (flags & ~unsigned{cudaStreamNonBlocking}) != 0, cudaErrorInvalidValue);
        process.use(process.current_gpu());
        *stream = process.streams.create(process.current_ordinal(), process.current_gpu(), flags, priority);
    });
}

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
    return create(__func__, stream, flags, priority);
}

cudaError_t CUDARTAPI cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    return create(__func__, stream, flags, 0);
}

cudaError_t CUDARTAPI cudaStreamCreate(cudaStream_t* stream) {
    return create(__func__, stream, cudaStreamDefault, 0);
}

cudaError_t CUDARTAPI cudaStreamDestroy(cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) { process.streams.destroy(stream); });
}

cudaError_t CUDARTAPI cudaStreamSynchronize(cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        Stream& used = process.stream(stream);
        process.streams.refuse_capturing(used);
        process.streams.synchronise(process.streams.end(used, lock), lock);
    });
}

cudaError_t CUDARTAPI cudaStreamQuery(cudaStream_t stream) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        Stream& used = process.stream(stream);
        process.streams.refuse_capturing(used);
        refuse_if(!process.streams.is_idle(used), cudaErrorNotReady);
    });
}

cudaError_t CUDARTAPI cudaStreamGetFlags(cudaStream_t stream, unsigned* flags) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(flags == nullptr, cudaErrorInvalidValue);
        *flags = process.stream(stream).flags;
    });
}

cudaError_t CUDARTAPI cudaStreamGetPriority(cudaStream_t stream, int* priority) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(priority == nullptr, cudaErrorInvalidValue);
        *priority = process.stream(stream).priority;
    });
}

cudaError_t CUDARTAPI cudaStreamGetDevice(cudaStream_t stream, int* device) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(device == nullptr, cudaErrorInvalidValue);
        *device = process.stream(stream).ordinal;
    });
}

cudaError_t CUDARTAPI cudaStreamGetId(cudaStream_t stream, unsigned long long* id) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(id == nullptr, cudaErrorInvalidValue);
        *id = process.stream(stream).id;
    });
}

cudaError_t CUDARTAPI cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
    return call_elsewhere(__func__, [&](Process& process, Lock& lock) {
        refuse_if(function == nullptr, cudaErrorInvalidValue);
        Work work;
        work.kind = Work::Kind::call;
        work.function = function;
        work.argument = argument;
        process.streams.submit(process.stream(stream), work, lock);
    });
}

cudaError_t CUDARTAPI cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed, cudaErrorInvalidValue);
        process.streams.begin_capture(process.stream(stream), mode);
    });
}

cudaError_t CUDARTAPI cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        if (graph != nullptr) {
            *graph = nullptr;
        }
        process.streams.end_capture(process.stream(stream));
        refuse_if(graph == nullptr, cudaErrorInvalidValue);
        *graph = reinterpret_cast<cudaGraph_t>(new Graph);
    });
}

cudaError_t CUDARTAPI cudaGraphDestroy(cudaGraph_t graph) {
    return call_elsewhere(__func__, [&](Process&, Lock&) {
        refuse_if(graph == nullptr, cudaErrorInvalidValue);
        delete reinterpret_cast<Graph*>(graph);
    });
}

cudaError_t CUDARTAPI cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(status == nullptr, cudaErrorInvalidValue);
        Stream& used = process.stream(stream);
        // Asking spoils nothing.
        const bool implicit = used.kind == Stream::Kind::legacy && process.streams.orders_capturing(used);
        refuse_if(implicit, cudaErrorStreamCaptureImplicit);
        *status = used.capture.status;
    });
}

cudaError_t CUDARTAPI cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    return call_elsewhere(__func__, [&](Process&, Lock&) {
        refuse_if(mode == nullptr, cudaErrorInvalidValue);
        *mode = emulator::Streams::exchange_thread_mode(*mode);
    });
}

}  // extern "C"
