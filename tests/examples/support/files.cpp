#include "support/files.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace brain_mri::testing {

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "brain-mri-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("cannot make the folder " + name);
    }
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> Folder::names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
        names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

void write_file(const std::string& path, std::string_view bytes) {
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
        throw std::runtime_error("cannot write " + path);
    }
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

nifti_1_header nifti_header(Extents extents) {
    nifti_1_header header{};
    header.sizeof_hdr = 348;
    header.dim[0] = 3;
    header.dim[1] = static_cast<short>(extents.x);
    header.dim[2] = static_cast<short>(extents.y);
    header.dim[3] = static_cast<short>(extents.z);
    std::fill(std::begin(header.dim) + 4, std::end(header.dim), short{1});
    std::fill(std::begin(header.pixdim), std::end(header.pixdim), 1.0F);
    header.datatype = DT_UINT8;
    header.bitpix = 8;
    header.vox_offset = 352;
    header.xyzt_units = NIFTI_UNITS_MM;
    std::memcpy(header.magic, "n+1", 4);
    return header;
}

void set_orientation(nifti_1_header& header, const float (&matrix)[3][3]) {
    header.sform_code = NIFTI_XFORM_SCANNER_ANAT;
    const std::array<float*, 3> rows{header.srow_x, header.srow_y, header.srow_z};
    for (std::size_t row = 0; row < rows.size(); ++row) {
        std::copy(std::begin(matrix[row]), std::end(matrix[row]), rows[row]);
    }
}

void write_nifti(const std::string& path, const nifti_1_header& header, std::string_view voxels) {
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes.append(4, '\0');
    bytes.append(voxels);
    if (!path.ends_with(".gz")) {
        write_file(path, bytes);
        return;
    }
    gzFile file = gzopen(path.c_str(), "wb");
    if (file == nullptr) {
        throw std::runtime_error("cannot open " + path);
    }
    const int written = gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    if (gzclose(file) != Z_OK || written != static_cast<int>(bytes.size())) {
        throw std::runtime_error("cannot write " + path);
    }
}

}  // namespace brain_mri::testing
