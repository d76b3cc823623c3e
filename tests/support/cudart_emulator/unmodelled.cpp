#include "support/cudart_emulator/fatal.hpp"

extern "C" {

/// Every name of the real library that nothing here models comes here; see generate.py.
[[noreturn]] void emulator_unmodelled(const char* name) {
    emulator::fatal("%s is not modelled", name);
}
}
