// cudaIpcOpenMemHandle on one GPU: rules 13 to 21 and 28.
#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);

/// A process with one allocation, whose first byte is 42.
class Owner {
public:
    Owner() {
        peer_.must("malloc a " + kSize);
        peer_.must("fill a 42 " + kSize);
    }
    [[nodiscard]] std::string handle() { return peer_.must("export a"); }
    [[nodiscard]] Peer& peer() noexcept { return peer_; }

private:
    Peer peer_{};
};

std::string in_the_own_process() {
    const Memory memory(kBlock);
    void* data = nullptr;
    return text(open_memory(&data, exported(memory.data())));
}

std::string with_flags(unsigned flags) {
    Owner owner;
    void* data = nullptr;
    return text(open_memory(&data, owner.handle(), flags));
}
std::string with_no_flags() {
    return with_flags(0);
}
std::string with_unknown_flags() {
    return with_flags(123);
}
std::string of_an_undumpable_process() {
    Owner owner;
    owner.peer().must("undumpable");
    return read_byte(opened(owner.handle()));
}
std::string in_another_process() {
    Owner owner;
    return read_byte(opened(owner.handle()));
}

std::string of_bytes(char value) {
    cudaIpcMemHandle_t handle{};
    for (char& byte : handle.reserved) {
        byte = value;
    }
    void* data = nullptr;
    return text(cudaIpcOpenMemHandle(&data, handle, cudaIpcMemLazyEnablePeerAccess));
}
std::string of_zeros() {
    return of_bytes(0);
}
std::string of_garbage() {
    return of_bytes('x');
}

std::string twice() {
    Owner owner;
    const std::string handle = owner.handle();
    void* first = opened(handle);
    void* second = nullptr;
    const std::string code = text(open_memory(&second, handle));
    return code + (first == second ? " same address" : " another address");
}

std::string closed_once_of_twice() {
    Owner owner;
    const std::string handle = owner.handle();
    std::byte* const data = opened(handle);
    static_cast<void>(opened(handle));
    must(cudaIpcCloseMemHandle(data), "cudaIpcCloseMemHandle");
    return read_byte(data);
}

std::string again_after_the_last_close() {
    Owner owner;
    const std::string handle = owner.handle();
    must(cudaIpcCloseMemHandle(opened(handle)), "cudaIpcCloseMemHandle");
    return read_byte(opened(handle));
}

/// Opens memory that its owner freed and allocated anew at the same address, while the freed one is still open here.
struct Stale {
    Owner owner{};
    std::byte* old = opened(owner.handle());
    std::string fresh{};

    Stale() {
        const std::string address = owner.peer().must("address a");
        owner.peer().must("free a");
        owner.peer().must("malloc a " + kSize);
        if (owner.peer().must("address a") != address) {
            throw Skipped("the owner's address was not used again");
        }
        owner.peer().must("fill a 43 " + kSize);
        fresh = owner.handle();
    }
};

std::string over_a_stale_mapping() {
    const Stale stale;
    void* data = nullptr;
    return text(open_memory(&data, stale.fresh));
}

std::string after_closing_a_stale_mapping() {
    const Stale stale;
    void* data = nullptr;
    static_cast<void>(open_memory(&data, stale.fresh));
    must(cudaIpcCloseMemHandle(stale.old), "cudaIpcCloseMemHandle of the stale mapping");
    if (data != nullptr) {
        static_cast<void>(cudaIpcCloseMemHandle(data));
    }
    return read_byte(opened(stale.fresh));
}

std::string of_freed_memory() {
    Owner owner;
    const std::string handle = owner.handle();
    owner.peer().must("free a");
    void* data = nullptr;
    return text(open_memory(&data, handle));
}

std::string in_a_second_context() {
    using Create = CUresult (*)(CUcontext*, unsigned, CUdevice);
    Owner owner;
    const std::string handle = owner.handle();
    static_cast<void>(opened(handle));
    CUcontext context = nullptr;
    must(static_cast<cudaError_t>(driver_function<Create>("cuCtxCreate", 3020)(&context, 0, 0)), "cuCtxCreate");
    void* data = nullptr;
    return text(open_memory(&data, handle));
}

std::string address() {
    Owner owner;
    const auto there = std::stoull(owner.peer().must("address a"));
    return reinterpret_cast<std::uintptr_t>(opened(owner.handle())) == there ? "same" : "differs";
}

std::string written_by_an_importer() {
    Owner owner;
    must(fill(opened(owner.handle()), 43, 1), "writing to the import");
    return owner.peer().ask("read a 0");
}

constexpr Rule kRules[] = {
    {"13", Grade::tested, "a process opens its own handle", "201", kSame, in_the_own_process},
    {"14a", Grade::documented, "opening with cudaIpcMemLazyEnablePeerAccess shows the owner's memory", "0 42", kSame,
     in_another_process},
    {"14b", Grade::unknown, "opening with flags 0", "1", "1", with_no_flags},
    {"14c", Grade::unknown, "opening with flags 123", "1", "1", with_unknown_flags},
    {"14d", Grade::unknown, "opening with PR_SET_DUMPABLE 0 in the owner", "0 42", "0 42", of_an_undumpable_process},
    {"16a", Grade::tested, "opening a handle of zeros", "1 | 17 | 400", "1", of_zeros},
    {"16b", Grade::tested, "opening garbage", "1 | 17 | 400", "1", of_garbage},
    {"18a", Grade::documented, "opening a handle twice", "0 same address", kSame, twice},
    {"18b", Grade::documented, "an import opened twice and closed once is still there", "0 42", kSame,
     closed_once_of_twice},
    {"18c", Grade::documented, "opening again after the last close", "0 42", kSame, again_after_the_last_close},
    {"19a", Grade::field, "opening where a freed allocation's mapping is still open", "0 | 208", "0",
     over_a_stale_mapping},
    {"19b", Grade::field, "the same after closing the stale mapping", "0 43", kSame, after_closing_a_stale_mapping},
    {"19c", Grade::unknown, "opening what its owner freed", "1", "1", of_freed_memory},
    {"20", Grade::inferred, "opening in a second context of the device", "400", kNotModelled, in_a_second_context},
    {"21", Grade::unknown, "the importer's address and the owner's", "", "differs", address},
    {"28", Grade::documented, "an importer writes", "0 43", kSame, written_by_an_importer},
};

}  // namespace

std::span<const Rule> import_rules() {
    return kRules;
}

}  // namespace fastio::conformance
