#pragma once

#include <span>

namespace emulator {

struct ErrorName {
    int code;
    const char* name;
};

/// All codes of the toolkit's headers; generate.py writes the definitions.
extern const std::span<const ErrorName> kErrorNames;
extern const std::span<const ErrorName> kDriverErrorNames;

/// Null for a code that the driver does not have.
[[nodiscard]] const char* driver_error_name(int code);

}  // namespace emulator
