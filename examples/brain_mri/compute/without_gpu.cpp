#include "compute/processor.hpp"

namespace brain_mri {

std::unique_ptr<Processor> make_gpu_processor(int /*ordinal*/, std::string& why_not) {
    why_not = "this program was built without CUDA";
    return nullptr;
}

}  // namespace brain_mri
