#include "support/cudart_emulator/copies.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "support/cudart_emulator/refused.hpp"

namespace emulator {
namespace {

/// One side of a copy.
struct Side {
    enum class Memory : std::uint8_t { device, pinned, pageable };
    Memory memory = Memory::pageable;
    Access access{};

    Side(Process& process, const void* pointer, std::uint64_t bytes) {
        access = process.memory.access(pointer, bytes);
        if (access.data != nullptr) {
            memory = Memory::device;
            return;
        }
        // A device address that holds too few bytes is no host address.
        refuse_if(process.memory.find(pointer) != nullptr, cudaErrorInvalidValue);
        access.data = static_cast<std::byte*>(const_cast<void*>(pointer));
        if (process.host.find(pointer, bytes) != nullptr) {
            memory = Memory::pinned;
        }
    }
    [[nodiscard]] bool is_device() const noexcept { return memory == Memory::device; }
    [[nodiscard]] bool is_pageable() const noexcept { return memory == Memory::pageable; }
};

std::uint64_t extent(const Rows& rows, std::uint64_t pitch) {
    return rows.count == 0 ? 0 : (rows.count - 1) * pitch + rows.bytes;
}

void check_kind(const Side& to, const Side& from, cudaMemcpyKind kind) {
    switch (kind) {
        case cudaMemcpyHostToHost:
            return refuse_if(to.is_device() || from.is_device(), cudaErrorInvalidValue);
        case cudaMemcpyHostToDevice:
            return refuse_if(to.is_pageable() || from.is_device(), cudaErrorInvalidValue);
        case cudaMemcpyDeviceToHost:
            return refuse_if(to.is_device() || from.is_pageable(), cudaErrorInvalidValue);
        case cudaMemcpyDeviceToDevice:
            return refuse_if(to.is_pageable() || from.is_pageable(), cudaErrorInvalidValue);
        case cudaMemcpyDefault:
            return;
    }
    refuse(cudaErrorInvalidMemcpyDirection);
}

/// The driver's copy of pageable memory: the caller may change its own at once.
void stage(Work& work) {
    work.staging = std::malloc(work.rows * work.row_bytes);
    if (work.staging == nullptr) {
        throw std::bad_alloc();
    }
    auto* const staging = static_cast<std::byte*>(work.staging);
    for (std::uint64_t row = 0; row < work.rows; ++row) {
        std::memcpy(staging + row * work.row_bytes, work.from.data + row * work.from_pitch, work.row_bytes);
    }
    work.from = {};
    work.from.data = staging;
    work.from_pitch = work.row_bytes;
}

}  // namespace

void copy(Process& process, Stream& stream, void* to, const void* from, const Rows& rows, cudaMemcpyKind kind,
          Host host, Streams::Lock& lock) {
    refuse_if(rows.bytes > rows.to_pitch || rows.bytes > rows.from_pitch, cudaErrorInvalidPitchValue);
    if (rows.count == 0 || rows.bytes == 0) {
        return;
    }
    const Side target(process, to, extent(rows, rows.to_pitch));
    const Side source(process, from, extent(rows, rows.from_pitch));
    check_kind(target, source, kind);
    Work work;
    work.kind = Work::Kind::copy;
    work.to = target.access;
    work.from = source.access;
    work.rows = rows.count;
    work.row_bytes = rows.bytes;
    work.to_pitch = rows.to_pitch;
    work.from_pitch = rows.from_pitch;

    const bool from_pageable = source.is_pageable() && target.is_device();
    const bool staged = from_pageable && (host == Host::goes_on || process.settings.late_pageable_copies);
    const bool to_pageable = target.is_pageable();
    const bool between_devices = source.is_device() && target.is_device();
    const bool waits = to_pageable || (host == Host::waits && !between_devices && !staged);
    if (waits) {
        process.streams.refuse_capturing(stream);
    }
    if (staged && stream.capture.status == cudaStreamCaptureStatusNone) {
        stage(work);
    }
    const Point point = process.streams.submit(stream, work, lock);
    if (waits) {
        process.streams.synchronise(point, lock);
    }
}

void fill(Process& process, Stream& stream, void* to, int value, const Rows& rows, Host host, Streams::Lock& lock) {
    refuse_if(rows.bytes > rows.to_pitch, cudaErrorInvalidPitchValue);
    if (rows.count == 0 || rows.bytes == 0) {
        return;
    }
    const Side target(process, to, extent(rows, rows.to_pitch));
    refuse_if(target.is_pageable(), cudaErrorInvalidValue);
    Work work;
    work.kind = Work::Kind::fill;
    work.to = target.access;
    work.value = static_cast<unsigned char>(value);
    work.rows = rows.count;
    work.row_bytes = rows.bytes;
    work.to_pitch = rows.to_pitch;
    const Point point = process.streams.submit(stream, work, lock);
    if (host == Host::waits && !target.is_device()) {
        process.streams.synchronise(point, lock);
    }
}

}  // namespace emulator
