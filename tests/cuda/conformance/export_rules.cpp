// cudaIpcGetMemHandle: rules 1 to 12.
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "calls.hpp"
#include "kernels.hpp"
#include "peer.hpp"
#include "rule.hpp"
#include "virtual_memory.hpp"

namespace fastio::conformance {
namespace {

using GetAttribute = CUresult (*)(void*, CUpointer_attribute, CUdeviceptr);
using GetRange = CUresult (*)(CUdeviceptr*, std::size_t*, CUdeviceptr);

CUdeviceptr device_pointer(const void* data) {
    return reinterpret_cast<CUdeviceptr>(data);
}

std::string of_a_base() {
    const Memory memory(kBlock);
    return text(try_export(memory.data()));
}

std::string of_an_address_used_again() {
    Memory first(kBlock);
    const std::byte* const address = first.data();
    const std::string handle = exported(address);
    must(first.free(), "cudaFree");
    const Memory second(kBlock);
    if (second.data() != address) {
        throw Skipped("the address was not used again");
    }
    return exported(second.data()) == handle ? "same" : "differs";
}

std::string of_null() {
    return text(try_export(nullptr));
}
std::string of_freed() {
    Memory memory(kBlock);
    const std::byte* const address = memory.data();
    must(memory.free(), "cudaFree");
    return text(try_export(address));
}
std::string of_the_end() {
    const Memory memory(kBlock);
    return text(try_export(memory.data() + kBlock));
}
std::string to_null() {
    const Memory memory(kBlock);
    return text(cudaIpcGetMemHandle(nullptr, memory.data()));
}
std::string of_null_to_null() {
    return text(cudaIpcGetMemHandle(nullptr, nullptr));
}

std::string of_the_interior() {
    const Memory memory(kBlock);
    cudaIpcMemHandle_t handle{};
    const cudaError_t code = cudaIpcGetMemHandle(&handle, memory.data() + kMiB);
    const bool same = code == cudaSuccess && to_text(handle) == exported(memory.data());
    return text(code, same ? "same handle" : "another handle");
}

std::string range_of_the_interior() {
    const Memory memory(kBlock);
    CUdeviceptr base = 0;
    std::size_t bytes = 0;
    const CUresult code =
        driver_function<GetRange>("cuMemGetAddressRange")(&base, &bytes, device_pointer(memory.data() + kMiB));
    const bool right = base == device_pointer(memory.data()) && bytes == kBlock;
    return text(static_cast<cudaError_t>(code), right ? "base and size" : "something else");
}

/// Two small allocations of another process, the first filled with 83, and how far it is from the second.
struct Neighbours {
    Peer owner{};
    std::ptrdiff_t distance = 0;

    Neighbours() {
        owner.must("malloc secret 512");
        owner.must("malloc public 512");
        owner.must("fill secret 83 512");
        const auto address = [&](const char* words) { return std::stoll(owner.must(words)); };
        distance = static_cast<std::ptrdiff_t>(address("address secret") - address("address public"));
        if (address("address secret") / static_cast<long long>(kBlock) !=
            address("address public") / static_cast<long long>(kBlock)) {
            throw Skipped("two small allocations did not share a block of 2 MiB");
        }
    }
};

std::string of_neighbours() {
    Neighbours both;
    void* first = nullptr;
    void* second = nullptr;
    const std::string one = text(open_memory(&first, both.owner.must("export secret")));
    return one + " " + text(open_memory(&second, both.owner.must("export public")));
}
std::string of_neighbours_in_one_mapping() {
    Neighbours both;
    return read_byte(opened(both.owner.must("export public")) + both.distance);
}
std::string of_neighbours_by_kernel() {
    Neighbours both;
    unsigned char byte = 0;
    const cudaError_t code = read_by_kernel(opened(both.owner.must("export public")) + both.distance, byte);
    return text(code, std::to_string(byte));
}

std::string twice() {
    const Memory memory(kBlock);
    const std::string first = exported(memory.data());
    return exported(memory.data()) == first ? "same" : "differs";
}

std::string neighbours_bytes() {
    Neighbours both;
    const std::string one = both.owner.must("export secret");
    const std::string other = both.owner.must("export public");
    int differing = 0;
    for (std::size_t i = 0; i < one.size(); i += 2) {
        differing += one.compare(i, 2, other, i, 2) == 0 ? 0 : 1;
    }
    return std::to_string(differing) + " bytes, " + std::to_string(both.distance) + " apart";
}

/// Of allocations of whole blocks, each behind a small one that may move the next.
std::string alignment() {
    int whole = 0;
    int aligned = 0;
    std::vector<std::unique_ptr<Memory>> kept;
    for (std::size_t blocks = 1; blocks <= 16; ++blocks) {
        for (const std::size_t small : {std::size_t{512}, std::size_t{70'000}, kMiB + 1}) {
            kept.push_back(std::make_unique<Memory>(small));
            kept.push_back(std::make_unique<Memory>(blocks * kBlock));
            ++whole;
            aligned += reinterpret_cast<std::uintptr_t>(kept.back()->data()) % kBlock == 0 ? 1 : 0;
        }
    }
    return std::to_string(aligned) + " of " + std::to_string(whole);
}

std::string process_in_the_bytes() {
    const Memory memory(kBlock);
    cudaIpcMemHandle_t handle{};
    must(cudaIpcGetMemHandle(&handle, memory.data()), "cudaIpcGetMemHandle");
    std::int32_t word = 0;
    std::memcpy(&word, &handle.reserved[8], sizeof(word));
    return word == ::getpid() ? "process id" : "something else";
}

std::string of_managed() {
    void* managed = nullptr;
    must(cudaMallocManaged(&managed, kBlock, cudaMemAttachGlobal), "cudaMallocManaged");
    return text(try_export(managed));
}

void* pooled() {
    void* data = nullptr;
    must(cudaMallocAsync(&data, kBlock, nullptr), "cudaMallocAsync");
    must(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    return data;
}
std::string of_pooled() {
    return text(try_export(pooled()));
}

std::string of_virtual() {
    return text(try_export(map_virtual_memory(kBlock)));
}

std::string capability(const void* data) {
    unsigned value = 77;
    const CUresult code = driver_function<GetAttribute>("cuPointerGetAttribute")(
        &value, CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE, device_pointer(data));
    return text(static_cast<cudaError_t>(code), std::to_string(value));
}
std::string capability_of_a_base() {
    const Memory memory(kBlock);
    return capability(memory.data());
}
std::string capability_of_pooled() {
    return capability(pooled());
}

template <class Value>
std::string attribute(CUpointer_attribute which, const void* data, Value& value) {
    const CUresult code = driver_function<GetAttribute>("cuPointerGetAttribute")(&value, which, device_pointer(data));
    return text(static_cast<cudaError_t>(code));
}
std::string allowed_handle_types() {
    const Memory memory(kBlock);
    std::array<std::uint64_t, 2> types{};
    const std::string own = attribute(CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES, memory.data(), types[0]);
    const std::string other = attribute(CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES, pooled(), types[1]);
    return own + " " + std::to_string(types[0]) + ", of stream-ordered memory " + other + " " +
           std::to_string(types[1]);
}
std::string pool_of(const void* data) {
    CUmemoryPool pool = nullptr;
    const std::string code = attribute(CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, data, pool);
    return code + (pool == nullptr ? " none" : " a pool");
}
std::string pools() {
    const Memory memory(kBlock);
    return pool_of(memory.data()) + ", of stream-ordered memory " + pool_of(pooled());
}

std::string buffer_id() {
    std::array<unsigned long long, 2> ids{};
    for (unsigned long long& id : ids) {
        const Memory memory(kBlock);
        must(static_cast<cudaError_t>(driver_function<GetAttribute>("cuPointerGetAttribute")(
                 &id, CU_POINTER_ATTRIBUTE_BUFFER_ID, device_pointer(memory.data()))),
             "cuPointerGetAttribute");
    }
    return ids[0] == ids[1] ? "same" : "differs";
}

std::string last_error() {
    static_cast<void>(try_export(nullptr));
    const int peeked = cudaPeekAtLastError();
    const int first = cudaGetLastError();
    return std::to_string(peeked) + " " + std::to_string(first) + " " + std::to_string(cudaGetLastError());
}

std::string of_an_import() {
    Peer owner;
    owner.must("malloc a " + std::to_string(kBlock));
    return text(try_export(opened(owner.must("export a"))));
}

constexpr Rule kRules[] = {
    {"1", Grade::documented, "cudaMalloc memory is exported by its base", "0", kSame, of_a_base},
    {"2", Grade::documented, "memory at a freed address has another handle", "differs", kSame,
     of_an_address_used_again},
    {"3a", Grade::tested, "export of null", "1", kSame, of_null},
    {"3b", Grade::tested, "export of freed memory", "1", kSame, of_freed},
    {"3c", Grade::tested, "export of the address behind an allocation", "1", kSame, of_the_end},
    {"3d", Grade::unknown, "export without a place for the handle", "", "crashed: signal 6", to_null},
    {"3e", Grade::tested, "export of null without a place for the handle", "1", kSame, of_null_to_null},
    {"4a", Grade::field, "an interior pointer gives its base's handle", "0 same handle", kSame, of_the_interior},
    {"4b", Grade::documented, "the range of an interior pointer", "0 base and size", kSame, range_of_the_interior},
    {"5a", Grade::unknown, "both of two allocations in one block are opened by one importer", "0 0 | 0 208", "0 0",
     of_neighbours},
    {"5b", Grade::inferred, "an importer copies its import's neighbour", "0 83 | 1", "0 83",
     of_neighbours_in_one_mapping},
    {"5c", Grade::unknown, "an importer's kernel reads its import's neighbour", "0 83 | 700", kNotModelled,
     of_neighbours_by_kernel, true, true},
    {"5d", Grade::unknown, "allocations of whole blocks of 2 MiB, small ones between, at multiples of 2 MiB",
     "48 of 48", "48 of 48", alignment},
    {"6a", Grade::inferred, "two exports of one allocation", "same", kSame, twice},
    {"6b", Grade::unknown, "bytes 8 to 11 of a handle", "process id", kNotModelled, process_in_the_bytes},
    {"6c", Grade::unknown, "how the handles of two allocations in one block differ", "", kNotModelled,
     neighbours_bytes},
    {"7", Grade::field, "export of managed memory", "1", kSame, of_managed},
    {"8", Grade::field, "export of stream-ordered memory", "1", kSame, of_pooled},
    {"9", Grade::field, "export of memory from cuMemCreate", "1", kNotModelled, of_virtual},
    {"10a", Grade::documented, "cudaMalloc memory is capable of legacy IPC", "0 1", kSame, capability_of_a_base},
    {"10b", Grade::documented, "stream-ordered memory is not", "0 0", kSame, capability_of_pooled},
    {"10c", Grade::documented, "buffer ids of memory at one address", "differs", kSame, buffer_id},
    {"10d", Grade::unknown, "attribute 14, the handle types that memory allows", "", kNotModelled,
     allowed_handle_types},
    {"10e", Grade::unknown, "attribute 17, the pool that memory is from", "",
     "0 none, of stream-ordered memory 0 a pool", pools},
    {"11", Grade::field, "a failed export stays as the last error until it is got", "1 1 0", kSame, last_error},
    {"12", Grade::unknown, "export of imported memory", "1", "1", of_an_import},
};

}  // namespace

std::span<const Rule> export_rules() {
    return kRules;
}

}  // namespace fastio::conformance
