#include "device/process_limits.hpp"

#include <sys/resource.h>

#include <cerrno>

namespace fastio {
namespace {

std::string limit_of(__rlimit_resource resource) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) {
        return "an unknown number of";
    }
    return limit.rlim_cur == RLIM_INFINITY ? "as many as there can be" : std::to_string(limit.rlim_cur);
}

}  // namespace

std::string limit_of_open_files() {
    return limit_of(RLIMIT_NOFILE) + " open files (ulimit -n)";
}

std::string limit_of_threads() {
    return limit_of(RLIMIT_NPROC) + " threads and processes of this user (ulimit -u)";
}

std::string remedy_for_descriptors(int error) {
    switch (error) {
        case EMFILE:
            return "; raise the limit of " + limit_of_open_files();
        case ENFILE:
            return "; raise the system's limit of open files (fs.file-max)";
        default:
            return {};
    }
}

}  // namespace fastio
