#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/memfd.hpp"
#include "fixture.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kPage = 4096;

class HostMemoryTest : public EmulatorTest {
protected:
    HostMemoryTest() : file(make_memfd("words", kPage)) {}

    [[nodiscard]] void* mapped(int rights) const {
        void* const data = ::mmap(nullptr, kPage, rights, MAP_SHARED, file.get(), 0);
        EXPECT_NE(data, MAP_FAILED);
        return data;
    }

    Descriptor file;
};

TEST_F(HostMemoryTest, AMappingOfAFileCanBeRegisteredOnce) {
    void* const data = mapped(PROT_READ | PROT_WRITE);
    EXPECT_EQ(cudaHostRegister(data, kPage, cudaHostRegisterMapped), cudaSuccess);
    EXPECT_EQ(cudaHostRegister(data, kPage, cudaHostRegisterMapped), cudaErrorHostMemoryAlreadyRegistered);
    void* device = nullptr;
    EXPECT_EQ(cudaHostGetDevicePointer(&device, static_cast<char*>(data) + 8, 0), cudaSuccess);
    EXPECT_NE(device, nullptr);
    EXPECT_EQ(cudaHostUnregister(data), cudaSuccess);
    EXPECT_EQ(cudaHostUnregister(data), cudaErrorHostMemoryNotRegistered);
    EXPECT_EQ(cudaHostGetDevicePointer(&device, data, 0), cudaErrorInvalidValue);
    ::munmap(data, kPage);
}

TEST_F(HostMemoryTest, AReadOnlyMappingCannotBePinned) {
    void* const data = mapped(PROT_READ);
    EXPECT_EQ(cudaHostRegister(data, kPage, cudaHostRegisterMapped), cudaErrorInvalidValue);
    EXPECT_EQ(cudaHostRegister(data, kPage, cudaHostRegisterReadOnly), cudaErrorNotSupported);
    ::munmap(data, kPage);
}

TEST_F(HostMemoryTest, WhatIsNotMappedCannotBePinned) {
    // The second page of all, below what Linux maps for anybody: another thread could map again what was unmapped.
    auto* const data = reinterpret_cast<void*>(kPage);
    EXPECT_EQ(cudaHostRegister(data, kPage, cudaHostRegisterDefault), cudaErrorInvalidValue);
    EXPECT_EQ(cudaHostRegister(nullptr, kPage, cudaHostRegisterDefault), cudaErrorInvalidValue);
    EXPECT_EQ(cudaHostRegister(&file, 0, cudaHostRegisterDefault), cudaErrorInvalidValue);
}

TEST_F(HostMemoryTest, IsFreedByWhatAllocatedIt) {
    void* pinned = nullptr;
    ASSERT_EQ(cudaHostAlloc(&pinned, kPage, cudaHostAllocPortable), cudaSuccess);
    unsigned flags = 0;
    EXPECT_EQ(cudaHostGetFlags(&flags, pinned), cudaSuccess);
    EXPECT_EQ(flags, cudaHostAllocPortable);
    EXPECT_EQ(cudaFree(pinned), cudaErrorInvalidValue);
    EXPECT_EQ(cudaHostUnregister(pinned), cudaErrorHostMemoryNotRegistered);
    EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(pinned), cudaErrorInvalidValue);
    EXPECT_EQ(cudaFreeHost(nullptr), cudaSuccess);
}

}  // namespace
}  // namespace fastio::test
