#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fastio/fastio.hpp>

#include "compute/processor.hpp"
#include "compute/volume.hpp"

/// Volumes in Fast I/O's memory, for a processor to work on: in place where it reaches that memory, else in a copy in
/// the host's, which is the way of a GPU's memory and a program without kernels for that GPU.
namespace brain_mri {

/// The extents of a volume of `type`. Throws fastio::Error: invalid_argument where the allocation is of another type or
/// has not three dimensions of at least one voxel; unsupported for over kMaxVoxels.
[[nodiscard]] Extents extents_of(const fastio::Allocation& allocation, fastio::DataType type);

/// Throws fastio::Error, invalid_argument, where two volumes that belong together have different extents.
void check_same_extents(const Extents& a, const std::string& name_a, const Extents& b, const std::string& name_b);

namespace detail {
/// False where a copy is needed. Throws fastio::Error, unsupported, for a volume of the host and a processor that is a
/// GPU: it was published in a way that nobody meant.
[[nodiscard]] bool is_reached(const fastio::Allocation& allocation, const Processor& processor);
[[nodiscard]] bool is_reached(const fastio::Context& context, const Processor& processor);
}  // namespace detail

/// A volume of T that somebody published. The processor outlives it.
template <class T>
class InputVolume {
public:
    /// Throws fastio::Error as extents_of does; also unsupported (see is_reached), and what copy_to throws.
    InputVolume(fastio::Allocation allocation, const Processor& processor)
        : allocation_(std::move(allocation)),
          processor_(&processor),
          view_{nullptr, extents_of(allocation_, fastio::type_of<T>())} {
        if (detail::is_reached(allocation_, processor)) {
            view_.data = allocation_.data<const T>();
        } else {
            copy_.resize(static_cast<std::size_t>(view_.extents.count()));
            allocation_.copy_to(copy_.data(), copy_.size() * sizeof(T));
            view_.data = copy_.data();
        }
    }

    [[nodiscard]] const fastio::Allocation& allocation() const { return allocation_; }
    [[nodiscard]] const Extents& extents() const { return view_.extents; }
    [[nodiscard]] VolumeView<const T> view() const { return view_; }

    /// Waits until the processor has done all that was queued, and gives the memory back. Throws fastio::Error,
    /// producer_lost, where the volume was never complete: what was computed from it is worth nothing.
    void finish() {
        processor_->synchronise();
        allocation_.check();
        allocation_.release();
    }

private:
    fastio::Allocation allocation_;
    const Processor* processor_;
    std::vector<T> copy_{};
    VolumeView<const T> view_;
};

/// A new volume of T in the context's memory. The processor outlives it.
template <class T>
class NewVolume {
public:
    /// Throws what Context::create throws.
    NewVolume(fastio::Context& context, const Extents& extents, const Processor& processor)
        : context_(&context), processor_(&processor), view_{nullptr, extents} {
        if (detail::is_reached(context, processor)) {
            allocation_ = create();
            view_.data = allocation_.template data<T>();
        } else {
            copy_.resize(static_cast<std::size_t>(extents.count()));
            view_.data = copy_.data();
        }
    }

    [[nodiscard]] VolumeView<T> view() const { return view_; }

    /// Publishes the volume as it is after what the processor was told so far, which nobody waits for, and gives it up.
    /// Throws what Allocation::publish and copy_from throw.
    void publish(const std::string& name, const fastio::Attributes& attributes) {
        if (!allocation_) {
            allocation_ = create();
            allocation_.copy_from(copy_.data(), copy_.size() * sizeof(T));
        }
        allocation_.publish(name, {.stream = processor_->stream(), .attributes = attributes});
        release();
    }

    /// Gives up a volume that only held something in between, once the processor is done with it.
    void release() {
        const fastio::Stream stream = processor_->stream();
        if (allocation_ && stream) {
            allocation_.release(stream);
        } else if (allocation_) {
            allocation_.release();
        }
    }

private:
    [[nodiscard]] fastio::Allocation create() const {
        const Extents& extents = view_.extents;
        return context_->create(fastio::type_of<T>(), {extents.z, extents.y, extents.x},
                                {.stream = processor_->stream()});
    }

    fastio::Context* context_;
    const Processor* processor_;
    fastio::Allocation allocation_{};
    std::vector<T> copy_{};
    VolumeView<T> view_;
};

}  // namespace brain_mri
