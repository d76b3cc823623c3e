#include "support/cudart_emulator/device_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "support/cudart_emulator/fatal.hpp"

namespace emulator {
namespace {

constexpr std::byte kDirt{0xDB};
constexpr std::uint64_t kWriteBytes = std::uint64_t{1} << 20;

bool write_all(int file, std::uint64_t offset, const std::vector<std::byte>& bytes, std::uint64_t count) {
    while (count > 0) {
        const ssize_t written =
            ::pwrite(file, bytes.data(), std::min<std::uint64_t>(count, bytes.size()), static_cast<off_t>(offset));
        if (written <= 0) {
            if (written < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        offset += static_cast<std::uint64_t>(written);
        count -= static_cast<std::uint64_t>(written);
    }
    return true;
}

}  // namespace

int DeviceFiles::file_of(std::uint32_t gpu) {
    int& file = files_[gpu];
    if (file < 0) {
        const std::string path = folder_ + "/gpu" + std::to_string(gpu);
        file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0) {
            fatal("cannot open %s: %s", path.c_str(), std::strerror(errno));
        }
    }
    return file;
}

bool DeviceFiles::fill_fresh(std::uint32_t gpu, std::uint64_t offset, std::uint64_t bytes, bool dirty) {
    if (!dirty) {
        return ::fallocate(file_of(gpu), 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0;
    }
    return write_all(file_of(gpu), offset, std::vector<std::byte>(std::min(bytes, kWriteBytes), kDirt), bytes);
}

std::byte* DeviceFiles::map(std::uint32_t gpu, std::uint64_t offset, std::uint64_t bytes) {
    void* const data =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_of(gpu), static_cast<off_t>(offset));
    return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
}

void DeviceFiles::unmap(std::byte* data, std::uint64_t bytes) noexcept {
    ::munmap(data, bytes);
}

}  // namespace emulator
