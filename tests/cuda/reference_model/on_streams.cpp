#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

#include "cuda/device/gate.hpp"
#include "reference_model/player_stream.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"

namespace fastio::test {
namespace {

/// An emulated GPU does its work late enough that a client which does not wait for it finds old contents.
void make_work_late() {
    const cudart_emulator::Api* const emulator = cudart_emulator::find();
    if (emulator != nullptr && (emulator->set("FASTIO_EMU_DELAY_US", "10000") != 0 ||
                                emulator->set("FASTIO_EMU_LATE_PAGEABLE_COPIES", "1") != 0)) {
        throw std::runtime_error("the emulator has no such switch");
    }
}

class CudaPlayerStream final : public PlayerStream {
public:
    [[nodiscard]] Stream get() const noexcept override { return stream_.get(); }
    void synchronise() override {
        if (const cudaError_t code = cudaStreamSynchronize(stream_.get()); code != cudaSuccess) {
            throw std::runtime_error(std::string("cudaStreamSynchronize: ") + cudaGetErrorName(code));
        }
    }

private:
    TestStream stream_;
};

}  // namespace

std::unique_ptr<PlayerStream> make_player_stream() {
    make_work_late();
    return std::make_unique<CudaPlayerStream>();
}

}  // namespace fastio::test
