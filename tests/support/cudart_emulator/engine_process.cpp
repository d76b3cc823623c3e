#include "support/cudart_emulator/engine_process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace emulator {

#if defined(__x86_64__)

int split_off() noexcept {
    // Stack 0 means: go on with this one. The caller must therefore never touch it again, not even to return from a
    // function, and waits inside these instructions. Its signals are blocked.
    long result = SYS_clone;
    register long parent_tid asm("r10") = 0;
    register long tls asm("r8") = 0;
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jle 2f\n"
        "1:\n\t"
        "mov %[pause], %%eax\n\t"
        "syscall\n\t"
        "jmp 1b\n"
        "2:"
        : "+a"(result)
        : "D"(static_cast<long>(CLONE_VM)), "S"(0L), "d"(0L), "r"(parent_tid), "r"(tls), [pause] "i"(SYS_pause)
        : "rcx", "r11", "memory");
    return result == 0 ? static_cast<int>(::syscall(SYS_getpid)) : -1;
}

#else

int split_off() noexcept {
    return -1;  // the instructions above are not written for this processor yet; emulator says so
}

#endif

void keep_descriptors(std::array<int, 3> kept) noexcept {
    std::sort(kept.begin(), kept.end());
    const int null = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
    for (int standard = 0; standard < 3; ++standard) {
        ::syscall(SYS_dup3, null, standard, 0);
    }
    unsigned next = 3;
    for (const int file : kept) {
        if (next < static_cast<unsigned>(file)) {
            ::syscall(SYS_close_range, next, static_cast<unsigned>(file) - 1, 0U);
        }
        next = static_cast<unsigned>(file) + 1;
    }
    ::syscall(SYS_close_range, next, ~0U, 0U);
    ::syscall(SYS_setsid);
    ::syscall(SYS_prctl, PR_SET_NAME, "emulated-gpu", 0, 0, 0);
}

}  // namespace emulator
