// One GPU reaching the memory of another.

#include <algorithm>

#include "support/cudart_emulator/call.hpp"
#include "support/cudart_emulator/peers.hpp"

using emulator::call;
using emulator::call_elsewhere;
using emulator::Process;
using emulator::refuse_if;
using Lock = emulator::Streams::Lock;

namespace emulator {

void reach_peer(Process& process, std::uint32_t from, std::uint32_t to) {
    if (from == to || process.peers.contains({from, to})) {
        return;
    }
    refuse_if(!process.settings.peer_to_peer, cudaErrorPeerAccessUnsupported);
    const auto used =
        std::count_if(process.peers.begin(), process.peers.end(), [&](const auto& pair) { return pair.first == from; });
    refuse_if(static_cast<std::uint32_t>(used) >= process.settings.max_peers, cudaErrorTooManyPeers);
    process.peers.emplace(from, to);
}

}  // namespace emulator

extern "C" {

cudaError_t CUDARTAPI cudaDeviceCanAccessPeer(int* can, int device, int peer) {
    return call_elsewhere(__func__, [&](Process& process, Lock&) {
        refuse_if(can == nullptr, cudaErrorInvalidValue);
        const bool differ = process.devices.gpu(device) != process.devices.gpu(peer);
        *can = differ && process.settings.peer_to_peer ? 1 : 0;
    });
}

cudaError_t CUDARTAPI cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
    return call(__func__, [&](Process& process, Lock&) {
        refuse_if(flags != 0, cudaErrorInvalidValue);
        const std::uint32_t from = process.current_gpu();
        const std::uint32_t to = process.devices.gpu(peer);
        refuse_if(from == to, cudaErrorInvalidDevice);
        refuse_if(process.peers.contains({from, to}), cudaErrorPeerAccessAlreadyEnabled);
        emulator::reach_peer(process, from, to);
    });
}

cudaError_t CUDARTAPI cudaDeviceDisablePeerAccess(int peer) {
    return call(__func__, [&](Process& process, Lock&) {
        const std::pair pair{process.current_gpu(), process.devices.gpu(peer)};
        refuse_if(process.peers.erase(pair) == 0, cudaErrorPeerAccessNotEnabled);
    });
}

}  // extern "C"
