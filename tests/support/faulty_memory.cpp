#include "support/faulty_memory.hpp"

#include <utility>

#include "core/fail.hpp"

namespace fastio::test {

void FaultyMemory::fail_lost(std::string_view call) const {
    fail(Errc::device_unavailable, "{}: the device '{}' was ordered to be lost", call, info().name);
}

OwnedSlab FaultyMemory::reserve(std::uint64_t bytes) {
    faults_.enter(DeviceCall::reserve);
    return ForwardingMemory::reserve(bytes);
}

void FaultyMemory::release(OwnedSlab slab) {
    try {
        faults_.enter(DeviceCall::release);
    } catch (...) {
        ForwardingMemory::release(std::move(slab));
        throw;
    }
    ForwardingMemory::release(std::move(slab));
}

void* FaultyMemory::open(const SlabHandle& handle, std::uint64_t bytes, int file) {
    faults_.enter(DeviceCall::open);
    return ForwardingMemory::open(handle, bytes, file);
}

void FaultyMemory::close(void* data, std::uint64_t bytes) noexcept {
    faults_.enter(DeviceCall::close);
    ForwardingMemory::close(data, bytes);
}

void FaultyMemory::copy(void* to, const void* from, std::uint64_t bytes, Stream stream) {
    faults_.enter(DeviceCall::copy);
    ForwardingMemory::copy(to, from, bytes, stream);
}

void FaultyMemory::fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) {
    faults_.enter(DeviceCall::fill);
    ForwardingMemory::fill(to, value, bytes, stream);
}

void FaultyMemory::pin(void* host, std::uint64_t bytes) {
    faults_.enter(DeviceCall::pin);
    ForwardingMemory::pin(host, bytes);
}

void FaultyMemory::signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    faults_.enter(DeviceCall::signal);
    ForwardingMemory::signal(word, value, stream);
}

void FaultyMemory::wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    faults_.enter(DeviceCall::wait);
    ForwardingMemory::wait(word, value, stream);
}

void FaultyMemory::synchronise(Stream stream) {
    faults_.enter(DeviceCall::synchronise);
    ForwardingMemory::synchronise(stream);
}

}  // namespace fastio::test
