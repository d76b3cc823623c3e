#include "input/nifti_volume.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <fstream>
#include <numeric>
#include <stdexcept>

#include <fastio/error.hpp>

#include "compute/processor.hpp"
#include "support/files.hpp"
#include "support/volumes.hpp"

namespace brain_mri {

namespace {

using testing::bytes_of;
using testing::Folder;
using testing::nifti_header;
using testing::OwnedVolume;
using testing::set_orientation;
using testing::write_nifti;

constexpr Extents kSmall{2, 3, 4};

std::vector<std::uint8_t> counting(std::size_t count) {
    std::vector<std::uint8_t> values(count);
    std::iota(values.begin(), values.end(), std::uint8_t{0});
    return values;
}

OwnedVolume<float> values_of(const NiftiVolume& file) {
    OwnedVolume<float> volume(file.extents);
    testing::host().gather(file.values, file.order, file.slope, file.intercept, volume.view());
    return volume;
}

void expect_refused(const std::string& path, fastio::Errc code, const std::string& cause) {
    try {
        static_cast<void>(read_nifti(path));
        FAIL() << path << " was read";
    } catch (const fastio::Error& error) {
        EXPECT_EQ(error.errc(), code) << error.what();
        EXPECT_NE(std::string(error.what()).find(cause), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
}

/// The most bytes of address space that this process has had.
std::uint64_t most_address_space() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmPeak:")) {
            return std::stoull(line.substr(7)) * 1024;
        }
    }
    throw std::runtime_error("/proc/self/status has no VmPeak");
}

}  // namespace

class NiftiFile : public ::testing::Test {
protected:
    [[nodiscard]] std::string path(const char* name = "a.nii") const { return folder_.file(name); }
    Folder folder_;
    std::vector<std::uint8_t> voxels_ = counting(24);
};

TEST_F(NiftiFile, WithoutOrientationIsReadAsItLies) {
    nifti_1_header header = nifti_header(kSmall);
    header.pixdim[1] = 0.5F;
    header.pixdim[2] = 0.75F;
    header.pixdim[3] = 2.0F;
    write_nifti(path(), header, bytes_of(voxels_));
    const NiftiVolume file = read_nifti(path());
    EXPECT_EQ(file.extents, kSmall);
    EXPECT_FALSE(file.oriented);
    EXPECT_EQ(file.spacing.x, 0.5);
    EXPECT_EQ(file.spacing.y, 0.75);
    EXPECT_EQ(file.spacing.z, 2.0);
    EXPECT_EQ(values_of(file).values, std::vector<float>(voxels_.begin(), voxels_.end()));
}

TEST_F(NiftiFile, MayBeCompressed) {
    write_nifti(path("a.nii.gz"), nifti_header(kSmall), bytes_of(voxels_));
    EXPECT_EQ(values_of(read_nifti(path("a.nii.gz"))).values, std::vector<float>(voxels_.begin(), voxels_.end()));
}

TEST_F(NiftiFile, IsScaledBySlopeAndIntercept) {
    nifti_1_header header = nifti_header(kSmall);
    header.datatype = DT_INT16;
    header.bitpix = 16;
    header.scl_slope = 0.5F;
    header.scl_inter = -10.0F;
    std::vector<std::int16_t> stored(24, -300);
    stored[5] = 40;
    write_nifti(path(), header, bytes_of(stored));
    const OwnedVolume<float> volume = values_of(read_nifti(path()));
    EXPECT_EQ(volume.values[0], -160.0F);
    EXPECT_EQ(volume.values[5], 10.0F);
}

TEST_F(NiftiFile, WithASlopeOfZeroIsNotScaled) {
    nifti_1_header header = nifti_header(kSmall);
    header.scl_slope = 0;
    header.scl_inter = 7;
    write_nifti(path(), header, bytes_of(voxels_));
    EXPECT_EQ(values_of(read_nifti(path())).values[5], 5.0F);
}

TEST_F(NiftiFile, MayHoldFloatingPoint) {
    nifti_1_header header = nifti_header(kSmall);
    header.datatype = DT_FLOAT64;
    header.bitpix = 64;
    std::vector<double> stored(24, 0.125);
    write_nifti(path(), header, bytes_of(stored));
    EXPECT_EQ(values_of(read_nifti(path())).values, std::vector<float>(24, 0.125F));
}

TEST_F(NiftiFile, MayBeOfTheOtherByteOrder) {
    const auto reversed = [](auto value) {
        auto bytes = std::bit_cast<std::array<char, sizeof(value)>>(value);
        std::reverse(bytes.begin(), bytes.end());
        return std::bit_cast<decltype(value)>(bytes);
    };
    nifti_1_header header = nifti_header(kSmall);
    header.pixdim[3] = 0.25F;
    header.sizeof_hdr = reversed(header.sizeof_hdr);
    header.datatype = reversed(short{DT_INT16});
    header.bitpix = reversed(short{16});
    header.vox_offset = reversed(header.vox_offset);
    for (std::size_t k = 0; k < 8; ++k) {
        header.dim[k] = reversed(header.dim[k]);
        header.pixdim[k] = reversed(header.pixdim[k]);
    }
    std::vector<std::int16_t> stored(24, reversed(std::int16_t{-2}));
    write_nifti(path(), header, bytes_of(stored));
    const NiftiVolume file = read_nifti(path());
    EXPECT_EQ(file.spacing.z, 0.25);
    EXPECT_EQ(values_of(file).values, std::vector<float>(24, -2.0F));
}

TEST_F(NiftiFile, InMicrometresIsConverted) {
    nifti_1_header header = nifti_header(kSmall);
    header.xyzt_units = NIFTI_UNITS_MICRON;
    header.pixdim[1] = header.pixdim[2] = header.pixdim[3] = 500.0F;
    write_nifti(path(), header, bytes_of(voxels_));
    EXPECT_DOUBLE_EQ(read_nifti(path()).spacing.z, 0.5);
}

TEST_F(NiftiFile, WhoseXRunsToTheLeftIsMirrored) {
    nifti_1_header header = nifti_header(kSmall);
    set_orientation(header, {{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
    write_nifti(path(), header, bytes_of(voxels_));
    const NiftiVolume file = read_nifti(path());
    EXPECT_TRUE(file.oriented);
    const OwnedVolume<float> volume = values_of(file);
    const OwnedVolume<std::uint8_t> stored{kSmall};
    for (Index x = 0; x < 4; ++x) {
        EXPECT_EQ(volume.at(1, 2, x), voxels_[stored.index(1, 2, 3 - x)]);
    }
}

TEST_F(NiftiFile, WithSagittalSlicesIsTurned) {
    // The file's axes run to the front, downwards and to the right; so its extents of 4 x 3 x 2 become 2 x 4 x 3.
    nifti_1_header header = nifti_header(kSmall);
    header.pixdim[1] = 1.0F;
    header.pixdim[2] = 2.0F;
    header.pixdim[3] = 3.0F;
    set_orientation(header, {{0, 0, 3}, {1, 0, 0}, {0, -2, 0}});
    write_nifti(path(), header, bytes_of(voxels_));
    const NiftiVolume file = read_nifti(path());
    EXPECT_EQ(file.extents, (Extents{3, 4, 2}));
    EXPECT_EQ(file.spacing.x, 3.0);
    EXPECT_EQ(file.spacing.y, 1.0);
    EXPECT_EQ(file.spacing.z, 2.0);
    const OwnedVolume<float> volume = values_of(file);
    const OwnedVolume<std::uint8_t> stored{kSmall};
    for (Index right = 0; right < 2; ++right) {
        for (Index front = 0; front < 4; ++front) {
            for (Index up = 0; up < 3; ++up) {
                EXPECT_EQ(volume.at(up, front, right), voxels_[stored.index(right, 2 - up, front)]);
            }
        }
    }
}

TEST_F(NiftiFile, WhoseMatrixPointsNowhereIsReadAsItLies) {
    nifti_1_header header = nifti_header(kSmall);
    set_orientation(header, {{0, 0, 0}, {0, 0, 0}, {0, 0, 0}});
    write_nifti(path(), header, bytes_of(voxels_));
    const NiftiVolume file = read_nifti(path());
    EXPECT_EQ(file.extents, kSmall);
    EXPECT_FALSE(file.oriented);
    EXPECT_EQ(values_of(file).values, std::vector<float>(voxels_.begin(), voxels_.end()));
}

TEST_F(NiftiFile, ThatIsMissingIsAnIoError) {
    expect_refused(path("none.nii"), fastio::Errc::io_error, "No such file");
}

TEST_F(NiftiFile, ThatIsAFolderIsAnIoError) {
    expect_refused(folder_.path().string(), fastio::Errc::io_error, "not a regular file");
}

TEST_F(NiftiFile, ThatIsTextIsRefused) {
    testing::write_file(path(), std::string(2000, 'x'));
    expect_refused(path(), fastio::Errc::corrupt_input, "not a NIfTI file");
}

TEST_F(NiftiFile, ThatIsEmptyIsRefused) {
    testing::write_file(path(), "");
    expect_refused(path(), fastio::Errc::corrupt_input, "not a NIfTI file");
}

TEST_F(NiftiFile, WithoutTheMagicIsRefused) {
    nifti_1_header header = nifti_header(kSmall);
    header.magic[0] = '\0';
    write_nifti(path(), header, bytes_of(voxels_));
    expect_refused(path(), fastio::Errc::corrupt_input, "not a NIfTI file");
}

TEST_F(NiftiFile, CutOffInItsVoxelsIsRefused) {
    write_nifti(path(), nifti_header(kSmall), bytes_of(voxels_).substr(0, 23));
    expect_refused(path(), fastio::Errc::corrupt_input, "ends before");
}

TEST_F(NiftiFile, CutOffInItsHeaderIsRefused) {
    write_nifti(path(), nifti_header(kSmall), bytes_of(voxels_));
    testing::write_file(path(), testing::read_file(path()).substr(0, 200));
    expect_refused(path(), fastio::Errc::corrupt_input, "not a NIfTI file");
}

TEST_F(NiftiFile, CutOffWhileCompressedIsRefused) {
    std::vector<std::uint8_t> noise(64 * 64 * 64);
    std::mt19937 random(3);
    for (std::uint8_t& value : noise) {
        value = static_cast<std::uint8_t>(random());
    }
    write_nifti(path("a.nii.gz"), nifti_header({64, 64, 64}), bytes_of(noise));
    const std::string whole = testing::read_file(path("a.nii.gz"));
    testing::write_file(path("a.nii.gz"), whole.substr(0, whole.size() / 2));
    expect_refused(path("a.nii.gz"), fastio::Errc::corrupt_input, "ends before");
}

TEST_F(NiftiFile, ThatPromisesMoreThanItHasTakesNoMemoryForIt) {
    nifti_1_header header = nifti_header({1024, 1024, 1024});
    header.datatype = DT_FLOAT64;
    header.bitpix = 64;
    constexpr std::uint64_t kPromised = std::uint64_t{8} << 30;
    for (const char* name : {"a.nii", "a.nii.gz"}) {
        write_nifti(path(name), header, bytes_of(voxels_));
        const std::uint64_t before = most_address_space();
        expect_refused(path(name), fastio::Errc::corrupt_input, "ends before");
        EXPECT_LT(most_address_space() - before, kPromised / 2);
    }
}

TEST_F(NiftiFile, OfComplexNumbersIsUnsupported) {
    nifti_1_header header = nifti_header(kSmall);
    header.datatype = DT_COMPLEX64;
    header.bitpix = 64;
    write_nifti(path(), header, std::string(24 * 8, '\0'));
    expect_refused(path(), fastio::Errc::unsupported, "COMPLEX64");
}

TEST_F(NiftiFile, OfColoursIsUnsupported) {
    nifti_1_header header = nifti_header(kSmall);
    header.datatype = DT_RGB24;
    header.bitpix = 24;
    write_nifti(path(), header, std::string(24 * 3, '\0'));
    expect_refused(path(), fastio::Errc::unsupported, "RGB24");
}

TEST_F(NiftiFile, WithATimeAxisIsUnsupported) {
    nifti_1_header header = nifti_header(kSmall);
    header.dim[0] = 4;
    header.dim[4] = 5;
    write_nifti(path(), header, std::string(24 * 5, '\0'));
    expect_refused(path(), fastio::Errc::unsupported, "4 dimensions");
}

TEST_F(NiftiFile, OfOneSliceWithoutAThirdDimensionIsUnsupported) {
    nifti_1_header header = nifti_header(kSmall);
    header.dim[0] = 2;
    write_nifti(path(), header, bytes_of(voxels_));
    expect_refused(path(), fastio::Errc::unsupported, "2 dimensions");
}

TEST_F(NiftiFile, WithMoreVoxelsThanAnIndexCountsIsUnsupported) {
    nifti_1_header header = nifti_header(kSmall);
    header.dim[1] = header.dim[2] = header.dim[3] = 32767;
    write_nifti(path(), header, bytes_of(voxels_));
    expect_refused(path(), fastio::Errc::unsupported, "32767");
}

TEST_F(NiftiFile, WithoutASpacingIsRefused) {
    nifti_1_header header = nifti_header(kSmall);
    for (const float spacing : {0.0F, std::nanf("")}) {
        header.pixdim[2] = spacing;
        write_nifti(path(), header, bytes_of(voxels_));
        expect_refused(path(), fastio::Errc::corrupt_input, "spacing");
    }
}

}  // namespace brain_mri
