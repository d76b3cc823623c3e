// cudaIpcCloseMemHandle, and cudaFree of what is no own memory: rules 29 to 33.
#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

const std::string kSize = std::to_string(kBlock);

/// A process with one allocation full of 42, which is open here.
struct Imported {
    Peer owner{};
    std::string handle{};
    std::byte* data = nullptr;

    Imported() {
        owner.must("malloc a " + kSize);
        owner.must("fill a 42 " + kSize);
        handle = owner.must("export a");
        data = opened(handle);
    }
};

std::string concerns_nobody_else() {
    Imported import;
    Peer other;
    other.must("open b " + import.handle);
    const std::string code = text(cudaIpcCloseMemHandle(import.data));
    return code + ", owner " + import.owner.ask("read a 0") + ", other importer " + other.ask("read b 0");
}

std::string in_the_owner() {
    const Memory memory(kBlock);
    return text(cudaIpcCloseMemHandle(memory.data()));
}
std::string of_null() {
    return text(cudaIpcCloseMemHandle(nullptr));
}
std::string once_too_often() {
    const Imported import;
    must(cudaIpcCloseMemHandle(import.data), "cudaIpcCloseMemHandle");
    return text(cudaIpcCloseMemHandle(import.data));
}

std::string attributes_after_it() {
    const Imported import;
    must(cudaIpcCloseMemHandle(import.data), "cudaIpcCloseMemHandle");
    cudaPointerAttributes attributes{};
    const cudaError_t code = cudaPointerGetAttributes(&attributes, import.data);
    return text(code, attributes.type == cudaMemoryTypeUnregistered ? "unregistered" : "registered");
}

std::string after_a_reset() {
    const Imported import;
    must(cudaDeviceReset(), "cudaDeviceReset");
    return text(cudaIpcCloseMemHandle(import.data));
}

std::string under_work() {
    const Imported import;
    std::string code;
    const std::string waits = waits_for_work(import.data, [&] { code = text(cudaIpcCloseMemHandle(import.data)); });
    return code + " " + waits;
}

std::string free_of_an_import() {
    const Imported import;
    return text(cudaFree(import.data));
}

constexpr Rule kRules[] = {
    {"29", Grade::documented, "a close concerns neither the owner nor other importers",
     "0, owner 0 42, other importer 0 42", kSame, concerns_nobody_else},
    {"30a", Grade::tested, "the owner closes its own memory", "1", kSame, in_the_owner},
    {"30b", Grade::tested, "closing null", "1", kSame, of_null},
    {"30c", Grade::inferred, "closing once too often", "1", kSame, once_too_often},
    {"30d", Grade::tested, "attributes of what was closed", "1 | 0 unregistered", "0 unregistered",
     attributes_after_it},
    {"31", Grade::unknown, "closing after cudaDeviceReset", "1 | 201 | 400", "1", after_a_reset},
    {"32", Grade::field, "closing under work in a stream", "0 waits", kSame, under_work, true, true},
    {"33", Grade::unknown, "cudaFree of imported memory", "1", "1", free_of_an_import},
};

}  // namespace

std::span<const Rule> close_rules() {
    return kRules;
}

}  // namespace fastio::conformance
