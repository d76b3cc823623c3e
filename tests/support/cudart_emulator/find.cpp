// Linked into tests, not into the emulator.
#include <dlfcn.h>

#include "support/cudart_emulator/cudart_emulator.hpp"

namespace cudart_emulator {

const Api* find() {
    // One symbol gives all of them, so that a program never finds a part.
    using GetApi = const Api* (*)();
    const auto get = reinterpret_cast<GetApi>(::dlsym(RTLD_DEFAULT, "cudaEmuApi"));
    return get == nullptr ? nullptr : get();
}

}  // namespace cudart_emulator
