#pragma once

#include <cstdint>
#include <map>

namespace emulator {

/// The device addresses of this process: a reserved range that nobody can read or write, at a random place, so that the
/// same memory has another address in each process and a host that follows a device pointer dies. Addresses given back
/// are used again first, as a driver does. *Threads:* one at a time.
class AddressSpace {
public:
    AddressSpace();
    AddressSpace(const AddressSpace&) = delete;
    AddressSpace& operator=(const AddressSpace&) = delete;

    /// A free range; 0 if there is none. `bytes` is a multiple of kBlockBytes, and so is the result.
    [[nodiscard]] std::uintptr_t take(std::uint64_t bytes);
    void give_back(std::uintptr_t address, std::uint64_t bytes);

private:
    std::map<std::uintptr_t, std::uint64_t> free_{};
};

}  // namespace emulator
