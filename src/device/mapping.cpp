#include "device/mapping.hpp"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/fail.hpp"

namespace fastio {

Mapping::Mapping(int fd, std::size_t bytes, Access access, Fork fork) {
    const int protection = access == Access::read_write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* const address = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) {
        const int error = errno;
        fail(Errc::io_error, "could not map {} bytes of descriptor {} {}: {} ({}){}", bytes, fd,
             access == Access::read_write ? "for writing" : "for reading", std::strerror(error), error,
             error == ENOMEM ? "; check the limits of address space (ulimit -v) and of mappings (vm.max_map_count)"
                             : "");
    }
    address_ = address;
    bytes_ = bytes;
    if (fork == Fork::not_inherited && ::madvise(address, bytes, MADV_DONTFORK) != 0) {
        const int error = errno;
        ::munmap(address, bytes);  // the destructor does not run for what its constructor throws out of
        fail(Errc::io_error, "could not keep a mapping of {} bytes out of forked children: {} ({})", bytes,
             std::strerror(error), error);
    }
}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        if (address_ != nullptr) {
            ::munmap(address_, bytes_);
        }
        address_ = std::exchange(other.address_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
}

Mapping::~Mapping() {
    if (address_ != nullptr) {
        ::munmap(address_, bytes_);
    }
}

int populate_by_reading(const void* data, std::size_t bytes) noexcept {
    constexpr std::size_t kPageBytes = 4096;  // or more
    for (std::size_t offset = 0; offset < bytes; offset += kPageBytes) {
        std::byte read{};
        const iovec to{&read, 1};
        const iovec from{const_cast<std::byte*>(static_cast<const std::byte*>(data)) + offset, 1};
        if (::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) != 1) {
            return errno;
        }
    }
    return 0;
}

void Mapping::populate(std::size_t offset, std::size_t bytes) const {
    for (;;) {
        int error = ::madvise(data() + offset, bytes, MADV_POPULATE_READ) == 0 ? 0 : errno;
        if (error == EINVAL) {
            error = populate_by_reading(data() + offset, bytes);
        }
        if (error == 0) {
            return;
        }
        if (error == EINTR) {
            continue;
        }
        // A page that cannot be had is EFAULT: an access would be a SIGBUS.
        const bool is_full = error == ENOMEM || error == EFAULT;
        fail(is_full ? Errc::out_of_memory : Errc::io_error,
             "could not reserve {} bytes at {} of a mapping of shared memory: {} ({}){}", bytes, offset,
             std::strerror(error), error,
             is_full ? "; free some memory or raise the memory limit of this process"
                     : "; it takes MADV_POPULATE_READ (Linux 5.14), or process_vm_readv of this process itself");
    }
}

void Mapping::abandon() noexcept {
    address_ = nullptr;
    bytes_ = 0;
}

}  // namespace fastio
