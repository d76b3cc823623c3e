#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <string>

namespace fastio::conformance {

// What goes on while streams wait for words (cuStreamWaitValue64). Whatever a wait holds up, the host completes the
// word after a while, from another thread.

/// The code of `call` while a stream of this process waits, and whether it returned before that wait was over: "0 does
/// not wait", "0 waits".
[[nodiscard]] std::string under_a_wait(const std::function<cudaError_t()>& call);

/// So many streams, of which all but the last wait for one word, and the last writes it: "written", or that it took the
/// host to write it.
[[nodiscard]] std::string written_behind_waits(int streams);

}  // namespace fastio::conformance
