// Stream memory operations: words that streams write and wait for.

#include "support/cudart_emulator/driver_functions.hpp"

namespace emulator {
namespace {

using Lock = Streams::Lock;

/// Where the engine reaches the word: pinned host memory or device memory, aligned to its size.
Work word_work(Process& process, Work::Kind kind, CUdeviceptr word, std::uint64_t value, bool wide) {
    refuse_if(!process.settings.stream_memory_operations, cudaErrorNotSupported);
    const std::uint64_t bytes = wide ? sizeof(std::uint64_t) : sizeof(std::uint32_t);
    refuse_if(word == 0 || word % bytes != 0, cudaErrorInvalidValue);
    auto* const pointer = reinterpret_cast<void*>(word);
    Work work;
    work.kind = kind;
    work.value = value;
    work.wide = wide;
    work.word = pointer;
    if (process.host.find(pointer, bytes) == nullptr) {
        // The access keeps the guard: a word in poisoned memory breaks the device like any other access.
        work.to = process.memory.access(pointer, bytes);
        refuse_if(work.to.data == nullptr, cudaErrorInvalidValue);
        work.word = work.to.data;
    }
    return work;
}

CUresult write_value(const char* name, CUstream stream, CUdeviceptr word, std::uint64_t value, unsigned flags,
                     bool wide) {
    return driver_call(name, [&](Process& process, Lock& lock) {
        refuse_if((flags & ~unsigned{CU_STREAM_WRITE_VALUE_NO_MEMORY_BARRIER}) != 0, cudaErrorInvalidValue);
        const Work work = word_work(process, Work::Kind::write_word, word, value, wide);
        process.streams.submit(process.stream(stream), work, lock);
    });
}

CUresult wait_value(const char* name, CUstream stream, CUdeviceptr word, std::uint64_t value, unsigned flags,
                    bool wide) {
    return driver_call(name, [&](Process& process, Lock& lock) {
        const unsigned compare = flags & ~unsigned{CU_STREAM_WAIT_VALUE_FLUSH};
        refuse_if(compare > CU_STREAM_WAIT_VALUE_NOR, cudaErrorInvalidValue);
        // Attribute 98 is 0: remote writes cannot be flushed.
        refuse_if((flags & CU_STREAM_WAIT_VALUE_FLUSH) != 0, cudaErrorNotSupported);
        Work work = word_work(process, Work::Kind::wait_word, word, value, wide);
        work.compare = compare;
        process.streams.submit(process.stream(stream), work, lock);
    });
}

}  // namespace

CUresult CUDAAPI stream_write_value32(CUstream stream, CUdeviceptr word, cuuint32_t value, unsigned flags) {
    return write_value("cuStreamWriteValue32", stream, word, value, flags, false);
}
CUresult CUDAAPI stream_write_value64(CUstream stream, CUdeviceptr word, cuuint64_t value, unsigned flags) {
    return write_value("cuStreamWriteValue64", stream, word, value, flags, true);
}
CUresult CUDAAPI stream_wait_value32(CUstream stream, CUdeviceptr word, cuuint32_t value, unsigned flags) {
    return wait_value("cuStreamWaitValue32", stream, word, value, flags, false);
}
CUresult CUDAAPI stream_wait_value64(CUstream stream, CUdeviceptr word, cuuint64_t value, unsigned flags) {
    return wait_value("cuStreamWaitValue64", stream, word, value, flags, true);
}

}  // namespace emulator
