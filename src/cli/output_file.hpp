#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "cli/descriptor.hpp"

namespace fastio::cli {

/// A file that appears under its name only when it is complete: written beside it under another name, then renamed.
/// Without commit() nothing is left and what was there before stays. A symbolic link is followed. What exists and is
/// not a regular file, such as /dev/stdout or a FIFO, is written directly.
class OutputFile {
public:
    /// Errors: io_error.
    explicit OutputFile(const std::filesystem::path& file);
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;
    ~OutputFile();

    /// Errors: io_error, for example on a full disk.
    void write(std::span<const std::byte> bytes);
    /// Errors: io_error.
    void commit();

private:
    std::filesystem::path file_;
    std::filesystem::path temporary_;  // empty: written directly, or committed
    Descriptor fd_;
};

}  // namespace fastio::cli
