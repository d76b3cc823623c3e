#include "device/host_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/fail.hpp"
#include "core/limits.hpp"
#include "core/rounding.hpp"
#include "device/large_copy.hpp"
#include "device/memfd.hpp"
#include "device/own_slabs.hpp"
#include "device/physical_memory.hpp"
#include "device/slab_mapping.hpp"
#include "device/slabs.hpp"
#include "device/waiting.hpp"

namespace fastio {
namespace {

// The handle's bytes: this magic, then the slab's id, then zeros.
constexpr std::array<char, 8> kHandleMagic{'f', 'i', 'o', 'h', 'o', 's', 't', '1'};

SlabHandle make_handle(const SlabId& id) noexcept {
    SlabHandle handle;
    handle.kind = HandleKind::memfd;
    std::memcpy(handle.bytes.data(), kHandleMagic.data(), kHandleMagic.size());
    std::memcpy(handle.bytes.data() + kHandleMagic.size(), id.data(), id.size());
    return handle;
}

SlabId id_in(const SlabHandle& handle) {
    if (handle.kind != HandleKind::memfd) {
        fail(Errc::unsupported,
             "the device 'host' cannot open a slab handle of kind {}: it opens kind {} (memfd) only; the slab belongs "
             "to "
             "another device",
             static_cast<std::uint32_t>(handle.kind), static_cast<std::uint32_t>(HandleKind::memfd));
    }
    if (std::memcmp(handle.bytes.data(), kHandleMagic.data(), kHandleMagic.size()) != 0) {
        fail(Errc::corrupt_input,
             "a slab handle of kind memfd does not start with '{}': it was damaged, or made by another version",
             std::string_view(kHandleMagic.data(), kHandleMagic.size()));
    }
    SlabId id{};
    std::memcpy(id.data(), handle.bytes.data() + kHandleMagic.size(), id.size());
    return id;
}

void refuse_stream(const char* call, Stream stream) {
    if (stream) {
        fail(
            Errc::unsupported,
            "{} on the device 'host' was given a CUDA stream, and host memory has none: leave the stream out (the call "
            "is then done on return), or use a 'cuda:N' device",
            call);
    }
}

// How long a reservation that looks for huge pages does so: that much, and as much for each MiB. Clearing one MiB takes
// some 0.1 ms; a kernel that has to move others' pages first, or a virtual machine whose host has to find the memory,
// may take 20 times as long.
constexpr std::chrono::milliseconds kHugePagesFor{500};
constexpr std::chrono::microseconds kHugePagesForEachMib{500};

// Without streams every call is done on return.
class NothingToWaitFor final : public StreamMark {};

class HostMemory final : public DeviceMemory {
public:
    explicit HostMemory(HugePages huge_pages) : huge_pages_(huge_pages) {
        info_.name = "host";
        info_.total_bytes = physical_memory_bytes();
        info_.default_pool_bytes = std::max(round_down(info_.total_bytes / 2, kSlabGranularity), kSlabGranularity);
    }

    const DeviceInfo& info() const noexcept override { return info_; }
    const std::atomic<int>& loss() const noexcept override { return never_; }
    void fail_lost(std::string_view call) const override {
        fail(Errc::device_error, "{}: the host's memory was lost, which cannot be", call);
    }

    OwnedSlab reserve(std::uint64_t bytes) override {
        check_slab_size(bytes);
        // Else the kernel would take pages for as much as there is, and others' too, before it finds out.
        if (bytes > info_.total_bytes) {
            fail(Errc::out_of_memory,
                 "could not reserve a slab of {} bytes of host memory: this machine, or the memory cgroup, "
                 "has {}",
                 bytes, info_.total_bytes);
        }
        OwnedSlab slab;
        slab.file = make_memfd("fastio-slab", bytes);
        const SlabId id = random_slab_id();
        slab.data = map_slab(slab.file.get(), bytes, Errc::out_of_memory);
        slab.bytes = bytes;
        slab.handle = make_handle(id);
        try {
            // Too little memory is an error now, and not a SIGBUS in whoever writes.
            slab.improved = allocate_slab(slab.file.get(), slab.data, bytes, end_of_huge_pages(bytes));
            if (huge_pages_ == HugePages::never) {
                slab.improved = bytes;  // there is nothing that improve() could do
            }
            seal_size(slab.file.get());
            OwnSlabs::of_process().add(id, slab.data, bytes, unmap_slab);
        } catch (...) {
            unmap_slab(slab.data, bytes);
            throw;
        }
        return slab;
    }

    void release(OwnedSlab slab) override {
        if (slab.data == nullptr) {
            return;
        }
        switch (OwnSlabs::of_process().release(slab.data)) {
            case OwnSlabs::Release::unknown:
                fail_not_owned(slab);
            case OwnSlabs::Release::in_use:
                break;
            case OwnSlabs::Release::unused:
                unmap_slab(slab.data, slab.bytes);
        }
    }

    // What reserve() found no huge pages for, one at a time. With huge pages a client that touches the slab first has
    // one fault for each 2 MiB instead of 512, and who copies much misses the TLB less.
    std::uint64_t improve(void* data, std::uint64_t bytes, std::uint64_t offset) noexcept override {
        return collapse(data, offset) != Collapse::never ? offset + kSlabGranularity : bytes;
    }

    void* open(const SlabHandle& handle, std::uint64_t bytes, int file) override {
        const SlabId id = id_in(handle);
        if (bytes == 0 || bytes % kSlabGranularity != 0) {
            fail(Errc::corrupt_input,
                 "a slab handle comes with a size of {} bytes, which is not a positive multiple of {}", bytes,
                 kSlabGranularity);
        }
        if (const auto own = OwnSlabs::of_process().open(id)) {
            if (own->bytes == bytes) {
                return own->data;
            }
            OwnSlabs::of_process().close(own->data);
            fail(Errc::corrupt_input, "a slab handle says {} bytes, but this process's own slab of that name has {}",
                 bytes, own->bytes);
        }
        const std::uint64_t available = file_bytes(file);
        if (available < bytes) {
            fail(Errc::corrupt_input, "the file of a slab of {} bytes has only {}", bytes, available);
        }
        if (!has_size_seals(file)) {
            fail(Errc::corrupt_input,
                 "the file of a slab of {} bytes is not sealed: its owner could shrink it, and every "
                 "access would crash this process",
                 bytes);
        }
        return map_slab(file, bytes, Errc::io_error);
    }

    void close(void* data, std::uint64_t bytes) noexcept override {
        if (data != nullptr && !OwnSlabs::of_process().close(data)) {
            unmap_slab(data, bytes);
        }
    }

    void copy(void* to, const void* from, std::uint64_t bytes, Stream stream) override {
        refuse_stream("copy", stream);
        copy_memory(to, from, bytes);
    }

    void fill(void* to, std::byte value, std::uint64_t bytes, Stream stream) override {
        refuse_stream("fill", stream);
        if (bytes != 0) {
            std::memset(to, std::to_integer<int>(value), bytes);
        }
    }

    void pin(void* /*host*/, std::uint64_t /*bytes*/) override {}
    void unpin(void* /*host*/) noexcept override {}
    void check_stream(Stream stream) override { refuse_stream("a call", stream); }

    void signal(std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override {
        refuse_stream("signal", stream);
        // Pairs with the acquire in reached(): who sees the value sees what was written before it.
        word.store(value, std::memory_order_release);
    }

    void wait(const std::atomic<std::uint64_t>& word, std::uint64_t value, Stream stream) override {
        refuse_stream("wait", stream);
        wait_on_host(word, value);
    }

    std::shared_ptr<StreamMark> mark(Stream stream) override {
        refuse_stream("mark", stream);
        return std::make_shared<NothingToWaitFor>();
    }
    void wait_for(const StreamMark& /*mark*/, Stream stream) override { refuse_stream("wait_for", stream); }
    bool has_passed(const StreamMark& /*mark*/) override { return true; }

    void synchronise(Stream stream) override { refuse_stream("synchronise", stream); }

private:
    [[nodiscard]] std::chrono::steady_clock::time_point end_of_huge_pages(std::uint64_t bytes) const {
        const auto now = std::chrono::steady_clock::now();
        if (huge_pages_ != HugePages::at_creation) {
            return now;
        }
        return now + kHugePagesFor + kHugePagesForEachMib * (bytes >> 20);
    }

    HugePages huge_pages_;
    DeviceInfo info_;
    const std::atomic<int> never_{0};
};

}  // namespace

std::shared_ptr<DeviceMemory> make_host_memory(HugePages huge_pages) {
    return std::make_shared<HostMemory>(huge_pages);
}

}  // namespace fastio
