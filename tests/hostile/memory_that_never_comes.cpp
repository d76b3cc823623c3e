#include "memory_that_never_comes.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "attacks.hpp"
#include "device/descriptor.hpp"

namespace fastio::test {

void* memory_that_never_comes() {
    Descriptor faults{static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC))};
    uffdio_api api{};
    api.api = UFFD_API;
    require(faults && ::ioctl(faults.get(), UFFDIO_API, &api) == 0, "userfaultfd, which needs root, failed");
    void* const page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uintptr_t>(page), kPage};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    require(page != MAP_FAILED && ::ioctl(faults.get(), UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER failed");
    static_cast<void>(faults.release());  // its end would let those go on who wait
    return page;
}

void start_thread_that_sleeps_in(long system_call, std::function<void()> work) {
    std::atomic<pid_t> id{0};
    std::thread([&id, work = std::move(work)] {
        id = ::gettid();
        id.notify_one();
        work();
    }).detach();
    id.wait(0);
    for (long number = -1; number != system_call;) {  // "running", or the number of the call that it sleeps in
        std::this_thread::yield();
        std::ifstream file("/proc/self/task/" + std::to_string(id) + "/syscall");
        if (!(file >> number)) {
            number = -1;
        }
    }
}

}  // namespace fastio::test
