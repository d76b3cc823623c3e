#pragma once

namespace emulator {

/// The same open file under a number above those of standard input, output and error, which are not for us, also where
/// a program closed them; close-on-exec. Takes `file`, which may be the -1 of a call that failed: then, and if no
/// number is left, the process ends with a message.
[[nodiscard]] int above_standard(int file);

}  // namespace emulator
