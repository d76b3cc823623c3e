#pragma once

#include <string>
#include <vector>

namespace brain_mri {

/// One input or output of an operator, as the pipeline file lists it: a Fast I/O name, or a disk entry with a path.
struct Entry {
    std::string name{};
    std::string path{};
};

/// Parses what `fastio run` puts into FASTIO_INPUTS and FASTIO_OUTPUTS: a JSON array of objects with "name" and
/// perhaps "path"; other keys are left to those who know them. nullptr and "" give no entries. `variable` is for
/// messages. Throws fastio::Error, invalid_argument.
[[nodiscard]] std::vector<Entry> parse_entries(const char* json, const std::string& variable);

}  // namespace brain_mri
