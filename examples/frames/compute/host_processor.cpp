#include "compute/on_host.hpp"
#include "compute/processor.hpp"

namespace frames {
namespace {

/// The host computes when it is told to, so every point is passed.
class Passed final : public Mark {
    void wait() const override {}
};

class HostProcessor final : public Processor {
public:
    [[nodiscard]] fastio::Stream stream() const override { return {}; }

    void make(std::uint64_t sequence, fastio::Allocation& frame) override {
        make_on_host(sequence, frame.dimensions()[0], frame.dimensions()[1], frame.as_span<std::uint8_t>());
    }
    void infer(const fastio::Allocation& frame, fastio::Allocation& result) override {
        infer_on_host(frame.dimensions()[0], frame.dimensions()[1], frame.as_span<const std::uint8_t>(),
                      result.as_span<float>());
    }
    [[nodiscard]] std::span<const float> read(const fastio::Allocation& result) override {
        return result.as_span<const float>();
    }

    [[nodiscard]] std::unique_ptr<Mark> mark() const override { return std::make_unique<Passed>(); }
    void synchronise() const override {}
};

}  // namespace

std::unique_ptr<Processor> make_host_processor() {
    return std::make_unique<HostProcessor>();
}

}  // namespace frames
