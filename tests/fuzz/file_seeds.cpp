#include <nifti2_io.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <vector>

#include "cli/npy_header.hpp"
#include "seeds.hpp"
#include "support/temp_dir.hpp"

namespace fastio::fuzz {
namespace {

std::string npy_of(unsigned major, std::string header, std::string_view data) {
    header += '\n';
    Seed seed;
    seed.bytes(cli::kNpyMagic).u8(major).u8(0);
    if (major == 1) {
        seed.u16(static_cast<unsigned>(header.size()));
    } else {
        seed.u32(static_cast<std::uint32_t>(header.size()));
    }
    return seed.bytes(header).bytes(data).str();
}

std::string npy_header(std::string_view type, std::string_view shape, bool fortran = false) {
    return "{'descr': '" + std::string(type) + "', 'fortran_order': " + (fortran ? "True" : "False") +
           ", 'shape': " + std::string(shape) + ", }";
}

void write_npy_seeds(const std::filesystem::path& folder) {
    const std::array<std::int64_t, 2> shape{2, 3};
    write_seed(folder, "written", cli::format_npy_preamble(float32, shape) + std::string(24, 'x'));
    write_seed(folder, "scalar", cli::format_npy_preamble(complex64, {}) + std::string(8, 'x'));
    write_seed(folder, "empty", cli::format_npy_preamble(uint8, std::array<std::int64_t, 2>{0, 3}));
    write_seed(folder, "fortran", npy_of(1, npy_header(">i2", "(2, 3, 2)", true), std::string(24, 'x')));
    write_seed(folder, "complex", npy_of(2, npy_header(">c16", "(2,)"), std::string(32, 'x')));
    write_seed(folder, "version-3", npy_of(3, npy_header("|b1", "(2L,)"), "xx"));
    write_seed(folder, "version-4", npy_of(4, npy_header("|b1", "(2L,)"), "xx"));
    write_seed(folder, "long-header", Seed().bytes(cli::kNpyMagic).u8(2).u8(0).u32(1 << 20).str());
    write_seed(folder, "short", npy_of(1, npy_header("<f4", "(2,)"), "xx"));
    write_seed(folder, "too-long", npy_of(1, npy_header("<f4", "(1,)"), "xxxxx"));
    write_seed(folder, "nine-dimensions", npy_of(1, npy_header("<f4", "(1,1,1,1,1,1,1,1,1)"), "xxxx"));
    write_seed(folder, "huge", npy_of(1, npy_header("<f4", "(9223372036854775807, 9223372036854775807, 0)"), ""));
    write_seed(folder, "no-tuple", npy_of(1, npy_header("<f4", "(3)"), ""));
    write_seed(folder, "negative", npy_of(1, npy_header("<f4", "(-3,)"), ""));
    write_seed(folder, "no-order", npy_of(1, npy_header("|f4", "(1,)"), "xxxx"));
    write_seed(folder, "no-type", npy_of(1, npy_header("f4", "(1,)"), "xxxx"));
    write_seed(folder, "unknown-type", npy_of(1, npy_header("<q4", "(1,)"), "xxxx"));
    for (const char* type : {"|O", "|S3", "<U3", "|V8", "<M8", "<f16", "<c32", "<f3"}) {
        write_seed(folder, "type-" + std::string(type + 1), npy_of(1, npy_header(type, "(1,)"), ""));
    }
    write_seed(folder, "structured", npy_of(1, "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': ()}", ""));
    write_seed(folder, "twice", npy_of(1, "{'shape': (), 'shape': ()}", ""));
    write_seed(folder, "unknown-key", npy_of(1, "{'colour': 3}", ""));
    write_seed(folder, "missing-key", npy_of(1, "{'shape': (), \"descr\": '<f4'}", ""));
    write_seed(folder, "no-boolean", npy_of(1, "{'fortran_order': Maybe}", ""));
    write_seed(folder, "no-dict", npy_of(1, "3", ""));
    write_seed(folder, "no-end", npy_of(1, npy_header("<f4", "(1,)") + " x", "xxxx"));
    write_seed(folder, "no-string-end", npy_of(1, "{'shape", ""));
}

const char* const kPipeline = R"(name: p
operators:
  - name: load
    command: [load, --fast, x]
    inputs:
      - {name: file, path: in.nii}
    outputs:
      - name: volume
        type: array
        element-type: float32
        shape: [-1, 0, 4]
  - name: show
    command: [show]
    inputs:
      - {name: volume, type: f32}
    outputs: [{name: p, path: out.png}]
)";

void write_pipeline_seeds(const std::filesystem::path& folder) {
    const std::string good = kPipeline;
    write_seed(folder, "good", good);
    int number = 0;
    const auto changed = [&](std::string_view from, std::string_view to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        write_seed(folder, "changed-" + std::to_string(++number), text);
    };
    changed("type: array", "type: arrays");
    changed("type: array", "type: u8");
    changed("element-type: float32", "element-type: float3");
    changed("[-1, 0, 4]", "[-2]");
    changed("[-1, 0, 4]", "[1,1,1,1,1,1,1,1,1]");
    changed("[-1, 0, 4]", "[four]");
    changed("[-1, 0, 4]", "4");
    changed("in.nii", "''");
    changed("[show]", "[]");
    changed("[show]", "show");
    changed("name: show", "name: load");
    changed("name: show", "name: sh/ow");
    changed("{name: volume, type: f32}", "other");
    changed("{name: volume, type: f32}", "p");
    changed("{name: volume, type: f32}", "volume\n      - volume");
    changed("{name: p, path: out.png}", "volume");
    changed("{name: file, path: in.nii}", "q");
    changed("name: file", "name: ''");
    changed("operators:", "operators: []\nx:");
    changed("operators:", "operations:");
    changed("name: p\n", "name: [p]\n");
    changed("name: p\n", "name: \"p\\0\"\n");
    changed("command: [load", "command: [load]\n    command: [load");
    changed("name: p\n", "");
    write_seed(folder, "cycle",
               "{name: p, operators: [{name: a, command: [a], inputs: [y], outputs: [x]}, "
               "{name: b, command: [b], inputs: [x], outputs: [y]}]}");
    write_seed(folder, "empty", "");
    write_seed(folder, "list", "[]");
    write_seed(folder, "no-yaml", "{");
    write_seed(folder, "no-operators", "{name: p, operators: ~}");
    write_seed(folder, "alias", "{name: p, operators: [&a {name: a, command: [*a]}]}");
}

}  // namespace

void write_file_seeds(const std::filesystem::path& pipeline, const std::filesystem::path& npy) {
    write_pipeline_seeds(pipeline);
    write_npy_seeds(npy);
}

void write_nifti_seeds(const std::filesystem::path& folder) {
    const test::TempDir temporary;
    const auto write = [&](const char* name, int type, int nifti_type, const char* ending, auto&& change) {
        const std::array<std::int64_t, 8> dimensions{3, 2, 3, 2, 1, 1, 1, 1};
        nifti_image* const image = nifti_make_new_nim(dimensions.data(), type, 1);
        image->nifti_type = nifti_type;
        image->dx = image->dy = image->dz = 1.5F;
        image->pixdim[1] = image->pixdim[2] = image->pixdim[3] = 1.5F;
        change(*image);
        const std::string path = temporary.file("v") + ending;
        nifti_set_filenames(image, path.c_str(), 0, 1);
        nifti_image_write(image);
        std::ifstream file(path, std::ios::binary);
        write_seed(folder, name, std::string(std::istreambuf_iterator<char>(file), {}));
        nifti_image_free(image);
    };
    const auto nothing = [](nifti_image&) {};
    for (const int type : {DT_UINT8, DT_INT8, DT_UINT16, DT_INT16, DT_UINT32, DT_INT32, DT_UINT64, DT_INT64, DT_FLOAT32,
                           DT_FLOAT64, DT_COMPLEX64}) {
        write(("type-" + std::to_string(type)).c_str(), type, NIFTI_FTYPE_NIFTI1_1, ".nii", nothing);
    }
    write("second", DT_UINT8, NIFTI_FTYPE_NIFTI2_1, ".nii", nothing);
    write("compressed", DT_UINT8, NIFTI_FTYPE_NIFTI1_1, ".nii.gz", nothing);
    write("pair", DT_UINT8, NIFTI_FTYPE_NIFTI1_2, ".hdr", nothing);
    write("turned", DT_UINT8, NIFTI_FTYPE_NIFTI1_1, ".nii", [](nifti_image& image) {
        image.sform_code = 1;
        image.sto_xyz.m[0][1] = -1.5;
        image.sto_xyz.m[1][0] = 1.5;
        image.sto_xyz.m[2][2] = -1.5;
        image.sto_xyz.m[3][3] = 1;
        image.xyz_units = NIFTI_UNITS_MICRON;
        image.scl_slope = 2;
    });
    write("metres", DT_UINT8, NIFTI_FTYPE_NIFTI1_1, ".nii", [](nifti_image& image) {
        image.qform_code = 1;
        image.xyz_units = NIFTI_UNITS_METER;
    });
    write("flat", DT_UINT8, NIFTI_FTYPE_NIFTI1_1, ".nii", [](nifti_image& image) {
        image.sform_code = 1;
        image.sto_xyz = {};
    });
    // What its file lacks it promises: 2^30 voxels of 8 bytes.
    write("promise", DT_FLOAT64, NIFTI_FTYPE_NIFTI1_1, ".nii", nothing);
    {
        std::fstream file(folder / "seed-promise", std::ios::binary | std::ios::in | std::ios::out);
        const std::array<std::int16_t, 4> dimensions{3, 1024, 1024, 1024};
        file.seekp(40);
        file.write(reinterpret_cast<const char*>(dimensions.data()), sizeof(dimensions));
    }
}

}  // namespace fastio::fuzz
