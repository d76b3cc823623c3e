// The program's own fallocate and pthread_create stand before libc's.
#include "refused_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace fastio::test {
namespace {

std::atomic<int> fallocate_error{0};
std::atomic<int> thread_error{0};

}  // namespace

RefusedCalls::RefusedCalls(Errors errors) noexcept {
    fallocate_error = errors.fallocate;
    thread_error = errors.pthread_create;
}

RefusedCalls::~RefusedCalls() {
    fallocate_error = 0;
    thread_error = 0;
}

}  // namespace fastio::test

using Start = void* (*)(void*);

extern "C" {

/// The sanitizers' own, where there is one: threads have to go through it.
__attribute__((weak)) int __interceptor_pthread_create(pthread_t*, const pthread_attr_t*, Start, void*);

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
    if (const int error = fastio::test::fallocate_error; error != 0) {
        errno = error;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, bytes));
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Start start, void* argument) noexcept {
    if (const int error = fastio::test::thread_error; error != 0) {
        return error;
    }
    if (__interceptor_pthread_create != nullptr) {
        return __interceptor_pthread_create(thread, attributes, start, argument);
    }
    using Create = int (*)(pthread_t*, const pthread_attr_t*, Start, void*);
    return reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, argument);
}

}  // extern "C"
