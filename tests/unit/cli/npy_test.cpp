#include "cli/npy.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <thread>

#include <fastio/error.hpp>

#include "npy_samples.hpp"
#include "support/temp_dir.hpp"

namespace fastio::cli {
namespace {

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

class Npy : public testing::Test {
protected:
    std::string file(std::string_view contents) {
        const std::string path = folder_.file("a.npy");
        test::write_file(path, contents);
        return path;
    }

    /// The elements of a file as they end in memory.
    std::string load(std::string_view contents) {
        NpyReader reader(file(contents));
        std::string data(reader.header().size_bytes(), '?');
        reader.read_into(reinterpret_cast<std::byte*>(data.data()));
        return data;
    }

    /// Why a file is refused: "errc: message".
    std::string refusal(std::string_view contents) {
        try {
            load(contents);
        } catch (const Error& error) {
            return std::string(to_string(error.errc())) + ": " + error.what();
        }
        return "taken";
    }

    test::TempDir folder_;
};

/// A version 1.0 file with any text for a header, and data.
std::string with_header(std::string literal, std::string_view data = {}) {
    literal += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += static_cast<char>(literal.size() & 0xff);
    out += static_cast<char>(literal.size() >> 8);
    return out + literal + std::string(data);
}

std::string bytes_of(const std::vector<std::int16_t>& values) {
    std::string out(values.size() * 2, '\0');
    std::memcpy(out.data(), values.data(), out.size());
    return out;
}

std::string count_to_23() {
    std::vector<std::int16_t> values(24);
    std::iota(values.begin(), values.end(), std::int16_t{0});
    return bytes_of(values);
}

struct TypeCase {
    const char* name;
    DataType type;
};
class NpyOfEachType : public Npy, public testing::WithParamInterface<TypeCase> {};

TEST_P(NpyOfEachType, is_read_as_numpy_wrote_it_and_written_as_numpy_would) {
    const std::string original = test::npy_sample(GetParam().name);
    NpyReader reader(file(original));
    EXPECT_EQ(reader.header().type, GetParam().type);
    EXPECT_EQ(reader.header().shape, (std::vector<std::int64_t>{2, 3}));
    std::vector<std::byte> data(reader.header().size_bytes());
    ASSERT_EQ(data.size(), 6 * GetParam().type.size_bytes());
    reader.read_into(data.data());
    EXPECT_EQ(std::memcmp(data.data(), original.data() + original.size() - data.size(), data.size()), 0);

    const std::string copy = folder_.file("copy.npy");
    write_npy(copy, GetParam().type, reader.header().shape, data);
    EXPECT_EQ(read_file(copy), original);
}

INSTANTIATE_TEST_SUITE_P(All, NpyOfEachType,
                         testing::Values(TypeCase{"bool", bool_}, TypeCase{"int8", int8}, TypeCase{"int16", int16},
                                         TypeCase{"int32", int32}, TypeCase{"int64", int64}, TypeCase{"uint8", uint8},
                                         TypeCase{"uint16", uint16}, TypeCase{"uint32", uint32},
                                         TypeCase{"uint64", uint64}, TypeCase{"float16", float16},
                                         TypeCase{"float32", float32}, TypeCase{"float64", float64},
                                         TypeCase{"complex64", complex64}, TypeCase{"complex128", complex128}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_F(Npy, fortran_order_is_converted) {
    ASSERT_NE(test::npy_sample("fortran_order").find("'fortran_order': True"), std::string::npos);
    EXPECT_EQ(load(test::npy_sample("fortran_order")), load(test::npy_sample("c_order")));
    EXPECT_EQ(load(test::npy_sample("fortran_order")), count_to_23());
}

TEST_F(Npy, fortran_order_larger_than_the_buffer_is_converted) {
    // 1.5 million elements: several buffers, and a boundary inside a column.
    constexpr std::int64_t kRows = 1201;
    constexpr std::int64_t kColumns = 1249;
    std::vector<std::int16_t> columns;
    std::vector<std::int16_t> rows(kRows * kColumns);
    for (std::int64_t column = 0; column < kColumns; ++column) {
        for (std::int64_t row = 0; row < kRows; ++row) {
            columns.push_back(static_cast<std::int16_t>(row * 7 + column * 3));
            rows[static_cast<std::size_t>(row * kColumns + column)] = columns.back();
        }
    }
    EXPECT_TRUE(load(with_header("{'descr': '<i2', 'fortran_order': True, 'shape': (1201, 1249)}",
                                 bytes_of(columns))) == bytes_of(rows));
}

TEST_F(Npy, big_endian_is_converted) {
    EXPECT_EQ(load(test::npy_sample("big_endian_int16")), count_to_23());
    EXPECT_EQ(load(test::npy_sample("big_endian_fortran")), count_to_23());
    EXPECT_EQ(load(test::npy_sample("big_endian_complex64")), load(test::npy_sample("native_complex64")));
}

TEST_F(Npy, format_versions_2_and_3_are_read) {
    ASSERT_EQ(test::npy_sample("version_2")[6], 2);
    ASSERT_EQ(test::npy_sample("version_3")[6], 3);
    EXPECT_EQ(load(test::npy_sample("version_2")), count_to_23());
    EXPECT_EQ(load(test::npy_sample("version_3")), count_to_23());
}

TEST_F(Npy, an_unknown_format_version_is_refused) {
    std::string bytes = test::npy_sample("c_order");
    bytes[6] = 4;
    EXPECT_NE(refusal(bytes).find("unsupported: "), std::string::npos);
    EXPECT_NE(refusal(bytes).find("version is 4.0"), std::string::npos);
}

TEST_F(Npy, a_scalar_has_one_element_and_no_dimensions) {
    const std::string data = load(test::npy_sample("scalar"));
    double value = 0;
    ASSERT_EQ(data.size(), sizeof value);
    std::memcpy(&value, data.data(), sizeof value);
    EXPECT_EQ(value, 3.25);
    write_npy(folder_.file("copy.npy"), float64, {}, std::as_bytes(std::span(&value, 1)));
    EXPECT_EQ(read_file(folder_.file("copy.npy")), test::npy_sample("scalar"));
}

TEST_F(Npy, an_empty_array_keeps_its_shape) {
    NpyReader reader(file(test::npy_sample("empty")));
    EXPECT_EQ(reader.header().shape, (std::vector<std::int64_t>{0, 3}));
    EXPECT_EQ(reader.header().size_bytes(), 0U);
    reader.read_into(nullptr);
    write_npy(folder_.file("copy.npy"), float32, reader.header().shape, {});
    EXPECT_EQ(read_file(folder_.file("copy.npy")), test::npy_sample("empty"));
}

TEST_F(Npy, one_dimension_is_written_as_a_tuple) {
    const std::byte data[3] = {};
    write_npy(folder_.file("copy.npy"), uint8, std::vector<std::int64_t>{3}, data);
    EXPECT_NE(read_file(folder_.file("copy.npy")).find("'shape': (3,), }"), std::string::npos);
}

TEST_F(Npy, a_file_can_come_through_a_pipe) {
    const std::string pipe = folder_.file("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::jthread writer([&] { std::ofstream(pipe, std::ios::binary) << test::npy_sample("c_order"); });
    NpyReader reader(pipe);
    std::string data(reader.header().size_bytes(), '?');
    reader.read_into(reinterpret_cast<std::byte*>(data.data()));
    EXPECT_EQ(data, count_to_23());
}

TEST_F(Npy, a_pipe_that_ends_early_or_goes_on_is_corrupt) {
    for (const int change : {-1, 1}) {
        const std::string pipe = folder_.file("pipe" + std::to_string(change));
        ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
        std::string bytes = test::npy_sample("c_order");
        bytes.resize(bytes.size() + static_cast<std::size_t>(change));
        std::jthread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
        NpyReader reader(pipe);
        std::string data(reader.header().size_bytes(), '?');
        EXPECT_THROW(reader.read_into(reinterpret_cast<std::byte*>(data.data())), Error) << change;
    }
}

TEST_F(Npy, a_missing_file_is_an_io_error) {
    try {
        NpyReader reader(folder_.file("none.npy"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::io_error);
        EXPECT_NE(std::string(error.what()).find("none.npy: No such file"), std::string::npos) << error.what();
    }
}

TEST_F(Npy, every_truncation_is_corrupt) {
    for (const char* const name : {"c_order", "version_2"}) {
        const std::string whole = test::npy_sample(name);
        for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
            EXPECT_TRUE(refusal(whole.substr(0, bytes)).starts_with("corrupt_input: ")) << bytes;
        }
    }
}

TEST_F(Npy, trailing_data_is_corrupt) {
    EXPECT_NE(
        refusal(test::npy_sample("c_order") + "x").find("promises 48 bytes of data after byte 128, and there are 49"),
        std::string::npos);
}

TEST_F(Npy, another_kind_of_file_is_corrupt) {
    EXPECT_NE(refusal("PK\x03\x04 this is a zip archive").find("does not start like a .npy file"), std::string::npos);
}

TEST_F(Npy, a_header_length_that_lies_is_corrupt) {
    std::string longer = test::npy_sample("c_order");
    longer[8] = '\xff';  // more than the whole file
    EXPECT_NE(refusal(longer).find("corrupt_input: "), std::string::npos);
    std::string shorter = test::npy_sample("c_order");
    shorter[8] = '\x20';
    EXPECT_NE(refusal(shorter).find("its header ends at byte 32"), std::string::npos) << refusal(shorter);
    std::string huge = test::npy_sample("version_2");
    huge[11] = '\x7f';
    EXPECT_NE(refusal(huge).find("claims a header of"), std::string::npos) << refusal(huge);
}

TEST_F(Npy, types_that_fastio_has_not_are_refused_with_a_reason) {
    const std::pair<const char*, const char*> cases[] = {
        {"object", "pickled"}, {"unicode", "text"},   {"bytes", "text"},         {"structured", "structured type"},
        {"void", "raw void"},  {"datetime", "dates"}, {"longdouble", "float64"}, {"nine_dimensions", "9 dimensions"},
    };
    for (const auto& [sample, reason] : cases) {
        const std::string why = refusal(test::npy_sample(sample));
        EXPECT_TRUE(why.starts_with("unsupported: ")) << why;
        EXPECT_NE(why.find(reason), std::string::npos) << why;
    }
}

TEST_F(Npy, a_type_that_numpy_has_not_is_refused_when_writing_and_leaves_no_file) {
    for (const DataType type : {bfloat16, float8_e4m3fn, DataType{TypeCode::floating, 32, 4}}) {
        try {
            write_npy(folder_.file("copy.npy"), type, {}, {});
            FAIL() << to_string(type);
        } catch (const Error& error) {
            EXPECT_EQ(error.errc(), Errc::unsupported);
            EXPECT_NE(std::string(error.what()).find("NumPy has no such type"), std::string::npos);
        }
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Npy, a_full_disk_is_an_io_error) {
    try {
        write_npy("/dev/full", uint8, {}, std::vector<std::byte>(1));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::io_error);
        EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos) << error.what();
    }
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
}

TEST_F(Npy, a_write_that_fails_half_way_keeps_the_old_file_and_leaves_nothing) {
    test::write_file(folder_.file("copy.npy"), "old");
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1000, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    Errc code{};
    try {
        write_npy(folder_.file("copy.npy"), uint8, std::vector<std::int64_t>{5000}, std::vector<std::byte>(5000));
    } catch (const Error& error) {
        code = error.errc();
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(code, Errc::io_error);
    EXPECT_EQ(read_file(folder_.file("copy.npy")), "old");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(Npy, a_symbolic_link_is_written_through) {
    test::write_file(folder_.file("target.npy"), "old");
    std::filesystem::create_symlink(folder_.file("target.npy"), folder_.file("link.npy"));
    write_npy(folder_.file("link.npy"), uint8, {}, std::vector<std::byte>(1));
    EXPECT_TRUE(std::filesystem::is_symlink(folder_.file("link.npy")));
    EXPECT_TRUE(read_file(folder_.file("target.npy")).starts_with("\x93NUMPY"));
}

TEST_F(Npy, headers_that_python_would_read_are_read) {
    const std::string data(6, '\x01');
    for (const char* const literal : {
             "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }",
             "{'shape':(2,3),'fortran_order':False,'descr':'|u1'}",
             "  {\"descr\": \"|u1\", 'fortran_order': False,\n 'shape': (2, 3,)}  ",
             "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 3L), }",
             "{'descr': '<u1', 'fortran_order': False, 'shape': (2, 3), }",
         }) {
        EXPECT_EQ(load(with_header(literal, data)), data) << literal;
    }
}

class NpyHeaderRefused : public Npy, public testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(NpyHeaderRefused, as_corrupt_with_its_reason) {
    const std::string why = refusal(with_header(GetParam().first, std::string(64, '\0')));
    EXPECT_TRUE(why.starts_with("corrupt_input: ")) << why;
    EXPECT_NE(why.find(GetParam().second), std::string::npos) << why;
}

using Refused = std::pair<const char*, const char*>;
INSTANTIATE_TEST_SUITE_P(
    Each, NpyHeaderRefused,
    testing::Values(
        Refused{"", "where '{' should be"}, Refused{"garbage", "has 'garbage"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (64,)", "where '}' should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (64,)} x", "where the end should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False}", "lacks the key 'shape'"},
        Refused{"{'fortran_order': False, 'shape': (64,)}", "lacks the key 'descr'"},
        Refused{"{'descr': '|u1', 'shape': (64,)}", "lacks the key 'fortran_order'"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (64,), 'x': 1}", "unknown key 'x'"},
        Refused{"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (64,)}", "'descr' twice"},
        Refused{"{'descr': '|u1', 'fortran_order': 0, 'shape': (64,)}", "where True or False should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (64)}", "where ',' should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': [64]}", "where '(' should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (-64,)}", "a count of elements"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (6.4,)}", "where ',' should be"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808,)}", "a count of elements"},
        Refused{"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "more than 2^62 bytes"},
        Refused{"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}", "2^62"},
        Refused{"{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904,)}", "and there are 64"},
        Refused{"{'descr': '|u\\x31', 'fortran_order': False, 'shape': (64,)}", "without escapes"},
        Refused{"{'descr': 'u1, 'fortran_order': False, 'shape': (64,)}", "where"},
        Refused{"{'descr': '', 'fortran_order': False, 'shape': (64,)}", "not a NumPy type"},
        Refused{"{'descr': '<', 'fortran_order': False, 'shape': (64,)}", "not a NumPy type"},
        Refused{"{'descr': '<f3', 'fortran_order': False, 'shape': (64,)}", "no NumPy type '<f3'"},
        Refused{"{'descr': '<q8', 'fortran_order': False, 'shape': (64,)}", "no NumPy type '<q8'"},
        Refused{"{'descr': '<i99999999999999999999', 'fortran_order': False, 'shape': (64,)}", "no NumPy type"},
        Refused{"{'descr': '|i4', 'fortran_order': False, 'shape': (16,)}", "names no byte order"}));

}  // namespace
}  // namespace fastio::cli
