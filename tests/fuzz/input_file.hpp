#pragma once

#include <span>
#include <string>

#include "device/descriptor.hpp"
#include "input.hpp"

namespace fastio::fuzz {

/// A file in memory whose contents are the input; one for all inputs of a run.
class InputFile {
public:
    InputFile();
    void write(std::span<const std::uint8_t> contents);
    /// Leads to the file in this process.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    Descriptor file_;
    std::string path_;
};

/// The path of the read end of a pipe that holds the contents, of which a pipe takes 64 KiB.
class InputPipe {
public:
    explicit InputPipe(std::span<const std::uint8_t> contents);
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    Descriptor read_;
    std::string path_;
};

}  // namespace fastio::fuzz
