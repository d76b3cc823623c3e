#include "input/nifti_volume.hpp"

#include <fmt/format.h>
#include <nifti1.h>
#include <nifti2.h>
#include <nifti2_io.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <fastio/fastio.hpp>

namespace brain_mri {

namespace {

struct FreeImage {
    void operator()(nifti_image* image) const noexcept { nifti_image_free(image); }
};
using ImagePointer = std::unique_ptr<nifti_image, FreeImage>;

[[noreturn]] void refuse(fastio::Errc code, const std::string& path, const std::string& cause) {
    throw fastio::Error(code, fmt::format("reading the volume {}: {}", path, cause));
}

/// libnifti says no more than "no" to a file that it cannot open, so the operating system is asked first.
void check_readable(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || ::access(path.c_str(), R_OK) != 0) {
        refuse(fastio::Errc::io_error, path, std::generic_category().message(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        refuse(fastio::Errc::io_error, path, "it is not a regular file");
    }
}

ImagePointer read_header(const std::string& path) {
    nifti_set_debug_level(0);  // errors are reported here, in one line, and not by the library
    if (is_nifti_file(path.c_str()) <= 0) {
        refuse(fastio::Errc::corrupt_input, path,
               "it is not a NIfTI file (a name that ends in .nii, .nii.gz or .hdr, and the magic n+1, n+2, ni1 or "
               "ni2 in its header)");
    }
    ImagePointer image(nifti_image_read(path.c_str(), 0));
    if (!image) {
        refuse(fastio::Errc::corrupt_input, path, "its NIfTI header contradicts itself");
    }
    return image;
}

void check_shape(const nifti_image& image, const std::string& path) {
    const bool more = image.nt > 1 || image.nu > 1 || image.nv > 1 || image.nw > 1;
    if (image.ndim < 3 || more) {
        refuse(fastio::Errc::unsupported, path,
               fmt::format("it has {} dimensions ({} x {} x {} x {} ...); give a volume of three", image.ndim, image.nx,
                           image.ny, image.nz, image.nt));
    }
    const std::array<std::int64_t, 3> extents{image.nx, image.ny, image.nz};
    std::int64_t voxels = 1;
    for (const std::int64_t extent : extents) {
        if (extent < 1) {
            refuse(fastio::Errc::corrupt_input, path, fmt::format("its header has an extent of {} voxels", extent));
        }
        if (extent > kMaxVoxels / voxels) {
            refuse(fastio::Errc::unsupported, path,
                   fmt::format("{} x {} x {} voxels are more than the {} that this example takes", image.nx, image.ny,
                               image.nz, kMaxVoxels));
        }
        voxels *= extent;
    }
}

[[noreturn]] void refuse_short(const nifti_image& image, const std::string& path) {
    refuse(
        fastio::Errc::corrupt_input, path,
        fmt::format("it ends before its {} voxels of {} bytes, or cannot be decompressed", image.nvox, image.nbyper));
}

/// libnifti makes room for all that a header promises before it looks whether the file has it. A byte that zlib has
/// compressed stands for 1,032 at most (zlib's technical details, "Maximum Compression Factor").
void check_length(const nifti_image& image, const std::string& path) {
    constexpr std::int64_t kMostOfOneByte = 1'032;
    const std::int64_t promised = image.nvox * image.nbyper;
    const std::int64_t least = nifti_is_gzfile(image.iname) != 0 ? promised / kMostOfOneByte : promised;
    std::error_code unreadable;
    const std::uintmax_t bytes = std::filesystem::file_size(image.iname, unreadable);
    if (!unreadable && bytes < static_cast<std::uintmax_t>(least)) {
        refuse_short(image, path);
    }
}

template <class T>
RawValues copy_values(const nifti_image& image) {
    std::vector<T> values(static_cast<std::size_t>(image.nvox));
    std::memcpy(values.data(), image.data, values.size() * sizeof(T));
    return values;
}

using CopyValues = RawValues (*)(const nifti_image& image);

CopyValues copier_of(const nifti_image& image, const std::string& path) {
    switch (image.datatype) {
        case NIFTI_TYPE_UINT8:
            return copy_values<std::uint8_t>;
        case NIFTI_TYPE_INT8:
            return copy_values<std::int8_t>;
        case NIFTI_TYPE_UINT16:
            return copy_values<std::uint16_t>;
        case NIFTI_TYPE_INT16:
            return copy_values<std::int16_t>;
        case NIFTI_TYPE_UINT32:
            return copy_values<std::uint32_t>;
        case NIFTI_TYPE_INT32:
            return copy_values<std::int32_t>;
        case NIFTI_TYPE_UINT64:
            return copy_values<std::uint64_t>;
        case NIFTI_TYPE_INT64:
            return copy_values<std::int64_t>;
        case NIFTI_TYPE_FLOAT32:
            return copy_values<float>;
        case NIFTI_TYPE_FLOAT64:
            return copy_values<double>;
        default:
            refuse(fastio::Errc::unsupported, path,
                   fmt::format("its voxels are of type {} ({}); integers of 8 to 64 bits, float32 and float64 are read",
                               nifti_datatype_to_string(image.datatype), image.datatype));
    }
}

/// libnifti silently takes a spacing that is 0 or not finite as 1, which would make every volume in millilitres wrong,
/// so the header is looked at as it stands in the file.
void check_spacing(const std::string& path) {
    int version = 0;
    const std::unique_ptr<void, decltype(&std::free)> header(nifti_read_header(path.c_str(), &version, 0), &std::free);
    if (!header) {
        refuse(fastio::Errc::corrupt_input, path, "its header cannot be read twice");
    }
    for (std::size_t axis = 1; axis <= 3; ++axis) {
        const double size = version == 2 ? static_cast<const nifti_2_header*>(header.get())->pixdim[axis]
                                         : static_cast<const nifti_1_header*>(header.get())->pixdim[axis];
        if (!std::isfinite(size) || size == 0) {
            refuse(fastio::Errc::corrupt_input, path, fmt::format("its header has a spacing of {}", size));
        }
    }
}

double millimetres_per_unit(int units) {
    switch (units) {
        case NIFTI_UNITS_METER:
            return 1000.0;
        case NIFTI_UNITS_MICRON:
            return 0.001;
        default:
            return 1.0;
    }
}

/// Which of the file's axes becomes x, y and z, and whether it is walked backwards.
struct Turn {
    std::array<std::size_t, 3> axis{0, 1, 2};
    std::array<bool, 3> backwards{false, false, false};
};

/// Empty where the file does not say how it lies, or its matrix points nowhere.
std::optional<Turn> to_ras(const nifti_image& image) {
    if (image.sform_code <= 0 && image.qform_code <= 0) {
        return std::nullopt;
    }
    std::array<int, 3> codes{};
    const nifti_dmat44& matrix = image.sform_code > 0 ? image.sto_xyz : image.qto_xyz;
    nifti_dmat44_to_orientation(matrix, &codes[0], &codes[1], &codes[2]);
    Turn turn;
    for (std::size_t file_axis = 0; file_axis < 3; ++file_axis) {
        const int code = codes[file_axis];  // 1 to 6: left to right, right to left, back to front, ...
        if (code < NIFTI_L2R || code > NIFTI_S2I) {
            return std::nullopt;
        }
        const auto world_axis = static_cast<std::size_t>((code - 1) / 2);
        turn.axis[world_axis] = file_axis;
        turn.backwards[world_axis] = code % 2 == 0;
    }
    return turn;
}

/// Extents, spacing and order, turned to RAS where the file says how it lies.
void set_geometry(NiftiVolume& volume, const nifti_image& image) {
    const std::optional<Turn> known = to_ras(image);
    volume.oriented = known.has_value();
    const Turn turn = known.value_or(Turn{});
    const std::array<std::int64_t, 3> extents{image.nx, image.ny, image.nz};
    const std::array<std::int64_t, 3> steps{1, image.nx, image.nx * image.ny};
    const std::array<double, 3> sizes{std::abs(image.dx), std::abs(image.dy), std::abs(image.dz)};
    std::array<std::int64_t, 3> step{};
    std::array<Index, 3> extent{};
    std::array<double, 3> size{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
        const std::size_t source = turn.axis[axis];
        extent[axis] = static_cast<Index>(extents[source]);
        size[axis] = sizes[source] * millimetres_per_unit(image.xyz_units);
        step[axis] = turn.backwards[axis] ? -steps[source] : steps[source];
        volume.order.first += turn.backwards[axis] ? (extents[source] - 1) * steps[source] : 0;
    }
    volume.order.x_step = step[0];
    volume.order.y_step = step[1];
    volume.order.z_step = step[2];
    volume.extents = {extent[2], extent[1], extent[0]};
    volume.spacing = {size[0], size[1], size[2]};
}

}  // namespace

NiftiVolume read_nifti(const std::string& path) {
    check_readable(path);
    const ImagePointer image = read_header(path);
    check_shape(*image, path);
    check_spacing(path);
    const CopyValues copy = copier_of(*image, path);
    check_length(*image, path);
    if (nifti_image_load(image.get()) != 0 || image->data == nullptr) {
        refuse_short(*image, path);
    }

    NiftiVolume volume;
    set_geometry(volume, *image);
    // A slope of 0 means that the stored values are the values (nifti1.h, "DATA SCALING").
    if (image->scl_slope != 0 && std::isfinite(image->scl_slope) && std::isfinite(image->scl_inter)) {
        volume.slope = image->scl_slope;
        volume.intercept = image->scl_inter;
    }
    volume.values = copy(*image);
    return volume;
}

}  // namespace brain_mri
