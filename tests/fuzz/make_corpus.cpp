// Writes the seeds of every target: fuzz_make_corpus FOLDER. With the encoders of the product where there are some.
#include <cstdio>
#include <fstream>

#include "seeds.hpp"

namespace fastio::fuzz {

void write_seed(const std::filesystem::path& folder, std::string_view name, std::string_view bytes) {
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / ("seed-" + std::string(name)), std::ios::binary);
    file.exceptions(std::ios::badbit | std::ios::failbit);
    file << bytes;
}

}  // namespace fastio::fuzz

int main(int count, char** arguments) {
    if (count != 2) {
        std::fputs("usage: fuzz_make_corpus FOLDER\n", stderr);
        return 2;
    }
    const std::filesystem::path folder(arguments[1]);
    fastio::fuzz::write_message_seeds(folder / "client_messages", folder / "service_messages");
    fastio::fuzz::write_table_seeds(folder / "table_reader");
    fastio::fuzz::write_lease_seeds(folder / "lease_pages");
    fastio::fuzz::write_file_seeds(folder / "pipeline_file", folder / "npy");
    fastio::fuzz::write_nifti_seeds(folder / "nifti");
}
