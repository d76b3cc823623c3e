#include "support/forwarding_memory.hpp"

#include <utility>

#include "core/fail.hpp"

namespace fastio::test {

ForwardingMemory::ForwardingMemory(std::shared_ptr<DeviceMemory> inner) : inner_(std::move(inner)) {
    if (!inner_) {
        fail(Errc::invalid_argument, "a forwarding device needs a device to forward to, and was given none");
    }
}

const DeviceInfo& ForwardingMemory::info() const noexcept {
    return inner_->info();
}

const std::atomic<int>& ForwardingMemory::loss() const noexcept {
    return inner_->loss();
}

void ForwardingMemory::fail_lost(std::string_view call) const {
    inner_->fail_lost(call);
}

OwnedSlab ForwardingMemory::reserve(std::uint64_t bytes) {
    return inner_->reserve(bytes);
}

void ForwardingMemory::release(OwnedSlab slab) {
    inner_->release(std::move(slab));
}

std::uint64_t ForwardingMemory::improve(void* data, std::uint64_t bytes, std::uint64_t offset) noexcept {
    return inner_->improve(data, bytes, offset);
}

void* ForwardingMemory::open(const SlabHandle& handle, std::uint64_t bytes, int file) {
    return inner_->open(handle, bytes, file);
}

void ForwardingMemory::close(void* data, std::uint64_t bytes) noexcept {
    inner_->close(data, bytes);
}

void ForwardingMemory::copy(void* to, const void* from, std::uint64_t bytes, Stream stream) {
    inner_->copy(to, from, bytes, stream);
}

void ForwardingMemory::fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) {
    inner_->fill(to, value, bytes, stream);
}

void ForwardingMemory::pin(void* host, std::uint64_t bytes) {
    inner_->pin(host, bytes);
}

void ForwardingMemory::unpin(void* host) noexcept {
    inner_->unpin(host);
}

void ForwardingMemory::check_stream(Stream stream) {
    inner_->check_stream(stream);
}

void ForwardingMemory::signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    inner_->signal(word, value, stream);
}

void ForwardingMemory::wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) {
    inner_->wait(word, value, stream);
}

std::shared_ptr<StreamMark> ForwardingMemory::mark(Stream stream) {
    return inner_->mark(stream);
}

void ForwardingMemory::wait_for(const StreamMark& mark, Stream stream) {
    inner_->wait_for(mark, stream);
}

bool ForwardingMemory::has_passed(const StreamMark& mark) {
    return inner_->has_passed(mark);
}

void ForwardingMemory::synchronise(Stream stream) {
    inner_->synchronise(stream);
}

}  // namespace fastio::test
