#include "input_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

namespace fastio::fuzz {
namespace {

void write_all(int fd, std::span<const std::uint8_t> contents) {
    require(contents.empty() || ::write(fd, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()),
            "the input can be written to its file");
}

std::string path_of(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

InputFile::InputFile() : file_(::memfd_create("input", MFD_CLOEXEC)), path_(path_of(file_.get())) {}

void InputFile::write(std::span<const std::uint8_t> contents) {
    require(::ftruncate(file_.get(), 0) == 0 && ::lseek(file_.get(), 0, SEEK_SET) == 0, "the file can be emptied");
    write_all(file_.get(), contents);
}

InputPipe::InputPipe(std::span<const std::uint8_t> contents) {
    std::array<int, 2> ends{-1, -1};
    require(::pipe2(ends.data(), O_CLOEXEC) == 0, "there are pipes");
    read_ = Descriptor{ends[0]};
    const Descriptor write_end{ends[1]};
    write_all(write_end.get(), contents);
    path_ = path_of(read_.get());
}

}  // namespace fastio::fuzz
