#pragma once

#include <cuda/version>

// Before CCCL 3.2 cuda::mr is there, or whole, only on demand, and what is included first decides.
#if CCCL_VERSION < 3'002'000 && !defined(LIBCUDACXX_ENABLE_EXPERIMENTAL_MEMORY_RESOURCE)
#if defined(_CUDA_MEMORY_RESOURCE)
#error \
    "<cuda/memory_resource> was included without LIBCUDACXX_ENABLE_EXPERIMENTAL_MEMORY_RESOURCE: define it everywhere"
#endif
#define LIBCUDACXX_ENABLE_EXPERIMENTAL_MEMORY_RESOURCE
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <cuda/memory_resource>
#include <cuda/stream_ref>

#include <fastio/allocation.hpp>
#include <fastio/context.hpp>
#include <fastio/error.hpp>

namespace fastio::cuda {

/// Device memory of a Context, as CCCL's containers and RMM's take it: a resource of cuda::mr, synchronous and in the
/// order of streams, with the property device_accessible. Each block is an Allocation, so that the contents of a
/// container can be published as they lie:
///
///     fastio::cuda::memory_resource memory(context);
///     rmm::device_buffer buffer(bytes, stream, memory);
///     fastio::Allocation& block = memory.allocation(buffer.data());
///     block.set_type_and_dimensions(fastio::float32, {rows, columns});
///     block.publish("matrix", {.stream = stream});
///
/// What is published stays when the container is gone.
///
/// It has the spellings of all versions of CCCL: allocate_sync and allocate(stream, ...) since 3.1, and before allocate
/// without a stream and allocate_async. Compiled with 2.7, 2.8 and 3.0 to 3.5 (CONTRIBUTING.md says how); run with 3.0.
///
/// *Ownership.* A small handle: copies share their blocks and are equal, others are not. The Context outlives the last
/// allocation that is made; blocks may outlive it.
/// *Threads.* Every call may be made from any thread, except on one block at once.
/// *Errors* of all that allocates: those of Context::create.
class memory_resource {
public:
    static constexpr std::size_t default_alignment = 256;

    /// Errors: unsupported (a Context whose device is "host").
    explicit memory_resource(Context& context) : blocks_(std::make_shared<Blocks>(context)) {
        if (context.device() == "host") {
            throw Error(Errc::unsupported, "a memory resource for GPUs over the context of job '" + context.job() +
                                               "', whose memory is the host's: join with .device = \"cuda:N\"");
        }
    }

    /// `bytes` of device memory; null for 0 bytes. `alignment` is a power of two up to 2 MiB.
    [[nodiscard]] void* allocate_sync(std::size_t bytes, std::size_t alignment = default_alignment) {
        return blocks_->take(bytes, alignment, {});
    }
    /// The same for use in `stream`.
    [[nodiscard]] void* allocate(::cuda::stream_ref stream, std::size_t bytes,
                                 std::size_t alignment = default_alignment) {
        return blocks_->take(bytes, alignment, stream.get());
    }

    /// Drops this process's lease on the block that begins at `data`, once the device has done all that this process
    /// queued so far. Null is allowed. Errors: invalid_argument where no block of this resource begins there, which in
    /// a container's destructor ends the program, as it should.
    void deallocate_sync(void* data, std::size_t /*bytes*/, std::size_t /*alignment*/ = default_alignment) {
        blocks_->give_back(data, {});
    }
    /// The same once the stream has done what was queued there so far. If that stream cannot say so, as one cannot that
    /// is being captured, then as without one.
    void deallocate(::cuda::stream_ref stream, void* data, std::size_t /*bytes*/,
                    std::size_t /*alignment*/ = default_alignment) {
        blocks_->give_back(data, stream.get());
    }

    // As CCCL 3.0 spells the four.
    [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = default_alignment) {
        return allocate_sync(bytes, alignment);
    }
    void deallocate(void* data, std::size_t bytes, std::size_t alignment = default_alignment) {
        deallocate_sync(data, bytes, alignment);
    }
    [[nodiscard]] void* allocate_async(std::size_t bytes, std::size_t alignment, ::cuda::stream_ref stream) {
        return allocate(stream, bytes, alignment);
    }
    [[nodiscard]] void* allocate_async(std::size_t bytes, ::cuda::stream_ref stream) { return allocate(stream, bytes); }
    void deallocate_async(void* data, std::size_t bytes, std::size_t alignment, ::cuda::stream_ref stream) {
        deallocate(stream, data, bytes, alignment);
    }
    void deallocate_async(void* data, std::size_t bytes, ::cuda::stream_ref stream) { deallocate(stream, data, bytes); }

    /// The Allocation of the block that `data` points to or into. It is the lease that keeps the block alive for its
    /// container: set its metadata and publish it, but do not release, free or move it. Valid until the block is
    /// deallocated. Errors: invalid_argument (no block of this resource).
    [[nodiscard]] Allocation& allocation(const void* data) const { return blocks_->find(data); }

    friend bool operator==(const memory_resource& a, const memory_resource& b) noexcept {
        return a.blocks_ == b.blocks_;
    }
    friend void get_property(const memory_resource& /*resource*/, ::cuda::mr::device_accessible) noexcept {}

private:
    class Blocks {
    public:
        explicit Blocks(Context& context) noexcept : context_(&context) {}

        void* take(std::size_t bytes, std::size_t alignment, Stream stream) {
            if (bytes == 0) {
                return nullptr;
            }
            Allocation block =
                context_->create(bytes, {.stream = stream, .alignment = std::max(alignment, default_alignment)});
            void* const data = block.data();
            const std::lock_guard lock(mutex_);
            by_address_.emplace(static_cast<const std::byte*>(data), std::move(block));
            return data;
        }

        void give_back(const void* data, Stream stream) {
            if (data == nullptr) {
                return;
            }
            std::unique_lock lock(mutex_);
            const auto block = by_address_.find(static_cast<const std::byte*>(data));
            if (block == by_address_.end()) {
                fail_unknown("deallocate", data);
            }
            const auto gone = by_address_.extract(block);
            lock.unlock();
            if (stream) {
                try {
                    gone.mapped().release(stream);
                } catch (const Error&) {
                    // Not in this order, then: the destructor releases behind all that the device does.
                }
            }
        }

        [[nodiscard]] Allocation& find(const void* data) {
            const auto* const address = static_cast<const std::byte*>(data);
            const std::lock_guard lock(mutex_);
            const auto above = by_address_.upper_bound(address);
            if (above != by_address_.begin()) {
                const auto block = std::prev(above);
                if (static_cast<std::uint64_t>(address - block->first) < block->second.size()) {
                    return block->second;
                }
            }
            fail_unknown("allocation", data);
        }

    private:
        [[noreturn]] static void fail_unknown(const char* call, const void* data) {
            throw Error(Errc::invalid_argument,
                        std::string(call) + " of the address " +
                            std::to_string(reinterpret_cast<std::uintptr_t>(data)) +
                            ": it is in no block of this memory resource; it was deallocated, or comes from another");
        }

        Context* context_;
        std::mutex mutex_;
        std::map<const std::byte*, Allocation, std::less<>> by_address_{};
    };

    std::shared_ptr<Blocks> blocks_;
};

}  // namespace fastio::cuda
