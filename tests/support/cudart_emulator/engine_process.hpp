#pragma once

#include <array>

namespace emulator {

/// Splits the calling thread off as a process of its own, which shares all memory with the process that it leaves, and
/// has its own descriptors: a GPU's view, which reaches what was pinned and mapped for as long as the GPU works, also
/// when the process that asked for it was killed. In the new process this returns the new process's id. The thread
/// itself stands still from here on, so that its stack and its thread-local storage belong to the new process alone:
/// there ordinary C++ works, as long as it waits for no lock that a killed thread might hold. Returns -1, in the
/// thread, if the kernel refuses.
///
/// A program of its own would have to be handed every mapping and every pinned word that the client ever makes.
[[nodiscard]] int split_off() noexcept;

/// In the new process: keeps only these descriptors, a session of its own, and a name that `ps` shows.
void keep_descriptors(std::array<int, 3> kept) noexcept;

}  // namespace emulator
