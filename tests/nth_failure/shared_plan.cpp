#include "shared_plan.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace fastio::test {

SharedPlan::SharedPlan() : file_(::memfd_create("nth-failure-plan", MFD_CLOEXEC)) {
    const bool sized = file_ && ::ftruncate(file_.get(), sizeof(Plan)) == 0;
    void* const data =
        sized ? ::mmap(nullptr, sizeof(Plan), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0) : MAP_FAILED;
    if (data == MAP_FAILED) {
        throw std::system_error(errno, std::generic_category(), "a plan");
    }
    plan_ = new (data) Plan;
}

SharedPlan::~SharedPlan() {
    ::munmap(plan_, sizeof(Plan));
}

std::string SharedPlan::path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
}

}  // namespace fastio::test
