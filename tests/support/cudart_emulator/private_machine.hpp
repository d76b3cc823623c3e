#pragma once

#include <string>

namespace cudart_emulator {

/// Fake GPUs for one test program and the processes that it starts: a folder of their own, named to them by
/// FASTIO_EMU_DIR, so that tests that run side by side share no memory and count each other's in no sum. Gone with this
/// object; what a killed test left is removed by the next one. No machine is made where the variable is set already.
/// Make it before the first CUDA call.
class PrivateMachine {
public:
    /// `switches` are the emulator's, for this process and those that it starts, without their prefix and with spaces
    /// between them: "STRICT_CLOSE=1 DIRTY=0". What the environment says already stays.
    explicit PrivateMachine(const std::string& switches = {});
    PrivateMachine(const PrivateMachine&) = delete;
    PrivateMachine& operator=(const PrivateMachine&) = delete;
    ~PrivateMachine();

private:
    std::string folder_{};
    int lock_ = -1;
};

}  // namespace cudart_emulator
