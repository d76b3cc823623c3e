// A .npy file, as a file and through a pipe, whose length nobody knows before it ends.
#include "cli/npy.hpp"

#include <cstring>
#include <vector>

#include "input_file.hpp"

namespace {

using fastio::Errc;
using fastio::cli::NpyHeader;
using fastio::cli::NpyReader;
using namespace fastio::fuzz;

constexpr std::size_t kPipeBytes = 65'536;
constexpr std::size_t kPipesOneIn = 8;  // a pipe takes several times as long as a file
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;

bool read(const std::string& path, std::vector<std::byte>& data) {
    return attempt({Errc::corrupt_input, Errc::unsupported}, [&] {
        NpyReader reader(path);
        const NpyHeader& header = reader.header();
        require(header.shape.size() <= 8, "an array has at most 8 dimensions");
        require(header.size_bytes() == header.count() * header.type.size_bytes(), "the sizes agree");
        double bytes = static_cast<double>(header.type.size_bytes());
        for (const std::int64_t extent : header.shape) {
            bytes *= extent > 0 ? static_cast<double>(extent) : 1;
        }
        require(bytes < 0x1p63, "a shape is one that memory could have");
        if (header.size_bytes() > kMostBytes) {
            return;  // a pipe's header may promise anything
        }
        data.resize(header.size_bytes());
        reader.read_into(data.data());
        const std::string again = fastio::cli::format_npy_preamble(header.type, header.shape);
        const NpyHeader second = fastio::cli::parse_npy_header(std::string_view(again).substr(10), "what was written");
        require(second.type == header.type && second.shape == header.shape && !second.fortran_order,
                "a header that is written means what was read");
    });
}

/// Any type, of which NumPy has some.
void write_header(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const auto code = static_cast<fastio::TypeCode>(input.take<std::uint8_t>());
    const auto bits = input.take<std::uint8_t>();
    const fastio::DataType type{code, bits, input.take<std::uint8_t>()};
    attempt({Errc::unsupported}, [&] {
        const std::string header = fastio::cli::format_npy_preamble(type, {});
        require(header.size() % 64 == 0 && header.ends_with('\n'), "a header is padded to 64 bytes");
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static InputFile file;
    file.write({data, bytes});
    std::vector<std::byte> from_file;
    const bool good = read(file.path(), from_file);
    if (bytes <= kPipeBytes && bytes % kPipesOneIn == 0) {
        const InputPipe pipe({data, bytes});
        std::vector<std::byte> from_pipe;
        const bool good_from_pipe = read(pipe.path(), from_pipe);
        require(!good || (good_from_pipe && from_pipe == from_file), "a pipe gives what a file gives");
    }
    write_header(data, bytes);
    return 0;
}
