#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/programs.hpp"

namespace fastio::cli {
namespace {

constexpr const char* kProgram = "fastio_process_bench";

}  // namespace

void bench(const BenchOptions& options, std::ostream& out) {
    const auto program = find_program(kProgram, {}, {own_folder()});
    if (!program) {
        fail(Errc::unsupported,
             "bench: the program {} is not beside fastio in {}: `cmake --install` puts it there where Fast I/O was "
             "built with -DFASTIO_BUILD_BENCHMARKS=ON, as it is by default; Python's wheel has no benchmarks",
             kProgram, own_folder().string());
    }
    std::vector<std::string> words{kProgram};
    if (options.rounds) {
        words.insert(words.end(), {"--rounds", std::to_string(*options.rounds)});
    }
    if (options.json) {
        words.insert(words.end(), {"--json", "-"});
    }
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    out << std::flush;
    ::execv(program->c_str(), arguments.data());
    fail(Errc::io_error, "bench: cannot start {}: {}", program->string(), os_error());
}

}  // namespace fastio::cli
