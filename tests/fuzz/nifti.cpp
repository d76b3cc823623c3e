// A NIfTI volume: one file, compressed or not, or the header of two.
#include <filesystem>
#include <variant>

#include "input/nifti_volume.hpp"
#include "input_file.hpp"
#include "support/temp_dir.hpp"

namespace {

using fastio::Errc;
using namespace fastio::fuzz;

/// Names that end as the format wants it, and lead to the input.
class Names {
public:
    explicit Names(const InputFile& file) {
        for (const char* name : {"v.nii", "v.nii.gz", "w.hdr", "w.img"}) {
            std::filesystem::create_symlink(file.path(), folder_.file(name));
        }
    }
    [[nodiscard]] std::string of(const char* name) const { return folder_.file(name); }

private:
    fastio::test::TempDir folder_;
};

void read(const std::string& path) {
    attempt({Errc::corrupt_input, Errc::unsupported}, [&] {
        const brain_mri::NiftiVolume volume = brain_mri::read_nifti(path);
        const auto [z, y, x] = volume.extents;
        const auto voxels = static_cast<std::size_t>(z) * static_cast<std::size_t>(y) * static_cast<std::size_t>(x);
        require(std::visit([](const auto& values) { return values.size(); }, volume.values) == voxels,
                "there are as many values as voxels");
        const auto& order = volume.order;
        const std::int64_t last =
            order.first + order.x_step * (x - 1) + order.y_step * (y - 1) + order.z_step * (z - 1);
        require(order.first >= 0 && last >= 0 && static_cast<std::size_t>(std::max(order.first, last)) < voxels,
                "the order stays inside the volume");
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static InputFile file;
    static const Names names(file);
    file.write({data, bytes});
    const bool compressed = bytes >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    read(names.of(compressed ? "v.nii.gz" : "v.nii"));
    if (bytes > 346 && data[346] == 'i') {  // the magic "ni1" of two files, at 344
        read(names.of("w.hdr"));
    }
    return 0;
}
