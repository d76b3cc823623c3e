// malloc and its like, in the place of libc's.
#include <malloc.h>

#include <cerrno>
#include <cstddef>

#include "seam.hpp"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace fastio::test {
namespace {

bool is_short_of_memory(const char* call) noexcept {
    if (!is_due(FaultKind::allocation, call)) {
        return false;
    }
    errno = ENOMEM;
    return true;
}

void* counted(void* block) noexcept {
    if (block != nullptr) {
        count_block(1);
    }
    return block;
}

}  // namespace

extern "C" {

void* seam_malloc(std::size_t bytes) __asm__("malloc");
void* seam_malloc(std::size_t bytes) {
    return is_short_of_memory("malloc") ? nullptr : counted(__libc_malloc(bytes));
}

void* seam_calloc(std::size_t count, std::size_t bytes) __asm__("calloc");
void* seam_calloc(std::size_t count, std::size_t bytes) {
    return is_short_of_memory("calloc") ? nullptr : counted(__libc_calloc(count, bytes));
}

void* seam_realloc(void* old, std::size_t bytes) __asm__("realloc");
void* seam_realloc(void* old, std::size_t bytes) {
    if (is_short_of_memory("realloc")) {
        return nullptr;
    }
    if (old == nullptr) {
        return counted(__libc_realloc(old, bytes));
    }
    if (bytes == 0) {  // which glibc takes for a free
        count_block(-1);
    }
    return __libc_realloc(old, bytes);
}

void seam_free(void* block) __asm__("free");
void seam_free(void* block) {
    if (block != nullptr) {
        count_block(-1);
    }
    __libc_free(block);
}

void* seam_memalign(std::size_t alignment, std::size_t bytes) __asm__("memalign");
void* seam_memalign(std::size_t alignment, std::size_t bytes) {
    return is_short_of_memory("memalign") ? nullptr : counted(__libc_memalign(alignment, bytes));
}

void* seam_aligned_alloc(std::size_t alignment, std::size_t bytes) __asm__("aligned_alloc");
void* seam_aligned_alloc(std::size_t alignment, std::size_t bytes) {
    return is_short_of_memory("aligned_alloc") ? nullptr : counted(__libc_memalign(alignment, bytes));
}

int seam_posix_memalign(void** result, std::size_t alignment, std::size_t bytes) __asm__("posix_memalign");
int seam_posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
    void* const data = is_short_of_memory("posix_memalign") ? nullptr : counted(__libc_memalign(alignment, bytes));
    if (data == nullptr) {
        return ENOMEM;
    }
    *result = data;
    return 0;
}

}  // extern "C"

}  // namespace fastio::test
