#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include <fastio/data_type.hpp>

#include "cli/descriptor.hpp"
#include "cli/npy_header.hpp"

namespace fastio::cli {

/// One .npy file being read, format versions 1.0, 2.0 and 3.0.
class NpyReader {
public:
    /// Opens the file and reads what comes before the data; a regular file's length is checked against the shape here.
    /// Errors: io_error (cannot open or read), corrupt_input (not a .npy file, truncated, too long), unsupported (see
    /// parse_npy_header).
    explicit NpyReader(const std::filesystem::path& file);

    /// What read_into gives. `big_endian` and `fortran_order` tell how the file has it.
    [[nodiscard]] const NpyHeader& header() const noexcept { return header_; }

    /// Reads the data to `destination`, header().size_bytes() bytes, in C order and this machine's byte order. There is
    /// no second copy of the data: C order is read straight into place, Fortran order goes through a small buffer.
    /// To be called once. Errors: io_error, corrupt_input (the file ends early, or goes on after the data).
    void read_into(std::byte* destination);

private:
    [[nodiscard]] std::string read_text(std::size_t bytes, const char* what);
    void read_exactly(std::byte* destination, std::size_t bytes);
    void read_fortran_order(std::byte* destination);
    /// Bytes that one read gave; 0 at the end of the file.
    [[nodiscard]] std::size_t read_some(std::byte* destination, std::size_t bytes);

    std::string file_;
    Descriptor fd_;
    NpyHeader header_;
    std::uint64_t data_bytes_read_ = 0;
};

/// Writes an array in C order as a .npy file of version 1.0. `file` is replaced only when everything is written.
/// Errors: unsupported (a type that NumPy has not), io_error (disk full, no such folder).
void write_npy(const std::filesystem::path& file, DataType type, std::span<const std::int64_t> dimensions,
               std::span<const std::byte> data);

}  // namespace fastio::cli
