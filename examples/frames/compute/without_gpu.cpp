#include "compute/processor.hpp"

namespace frames {

std::unique_ptr<Processor> make_gpu_processor(int /*ordinal*/, std::string& notice) {
    notice = "this program was built without CUDA";
    return nullptr;
}

}  // namespace frames
