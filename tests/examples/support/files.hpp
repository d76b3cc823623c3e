#pragma once

#include <nifti1.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "compute/volume.hpp"

namespace brain_mri::testing {

/// A new folder that goes with everything in it.
class Folder {
public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();

    [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Names of what is in it, hidden files too, in order.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::filesystem::path path_;
};

void write_file(const std::string& path, std::string_view bytes);
[[nodiscard]] std::string read_file(const std::string& path);

/// A valid NIfTI-1 header for one file of uint8 voxels of 1 mm that says nothing of orientation.
[[nodiscard]] nifti_1_header nifti_header(Extents extents);

/// Makes `header` say where the file's axes point to: rows are world x (right), y (front), z (up), columns are the
/// file's axes.
void set_orientation(nifti_1_header& header, const float (&matrix)[3][3]);

/// The header, four bytes of "no extension", then `voxels`; compressed where the name ends in .gz.
void write_nifti(const std::string& path, const nifti_1_header& header, std::string_view voxels);

/// The bytes of a vector's elements.
template <class T>
[[nodiscard]] std::string_view bytes_of(const std::vector<T>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace brain_mri::testing
