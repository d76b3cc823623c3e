// A pipeline file: YAML, its keys, names and types, and the graph that they make.
#include <set>

#include "cli/pipeline.hpp"
#include "input_file.hpp"

namespace {

using fastio::Errc;
using fastio::cli::Pipeline;
using namespace fastio::fuzz;

void check(const Pipeline& pipeline) {
    require(!pipeline.name.empty() && !pipeline.operators.empty(), "a pipeline has a name and operators");
    std::set<std::string> names;
    std::set<std::string> outputs;
    for (const auto& op : pipeline.operators) {
        require(names.insert(op.name).second, "each operator has a name of its own");
        require(!op.command.empty() && !op.command.front().empty(), "each operator has a program");
        for (const auto& output : op.outputs) {
            require(outputs.insert(output.name).second, "each output has one producer");
            require(!output.name.empty() && output.name.size() <= 255, "names have 1 to 255 bytes");
        }
    }
    for (const auto& op : pipeline.operators) {
        for (const auto& input : op.inputs) {
            require(input.on_disk() || outputs.contains(input.name), "each input has a producer or a path");
            require(!input.shape || input.shape->size() <= 8, "a shape has at most 8 dimensions");
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static InputFile file;
    file.write({data, bytes});
    attempt({Errc::corrupt_input, Errc::invalid_argument}, [] { check(fastio::cli::load_pipeline(file.path())); });
    return 0;
}
