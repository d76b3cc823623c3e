#include "support/cudart_emulator/folder.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "support/cudart_emulator/fatal.hpp"

namespace emulator {
namespace {

// Containers often have 64 MiB of /dev/shm, which a few slabs would fill.
constexpr unsigned long long kRoomForSlabs = 1ULL << 30;

bool has_room(const char* folder) {
    struct statvfs room {};
    return ::statvfs(folder, &room) == 0 &&
           static_cast<unsigned long long>(room.f_bavail) * room.f_frsize >= kRoomForSlabs;
}

std::string users_own() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/' && has_room(runtime)) {
        return std::string(runtime) + "/fastio-emulated-gpus";
    }
    const std::string name = "/fastio-emulated-gpus-" + std::to_string(::getuid());
    return has_room("/dev/shm") ? "/dev/shm" + name : "/tmp" + name;
}

}  // namespace

std::string make_folder(const std::string& wanted) {
    const std::string folder = wanted.empty() ? users_own() : wanted;
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        fatal("cannot make the folder %s: %s", folder.c_str(), std::strerror(errno));
    }
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return make_folder(wanted);  // the last process of the machine left just now
        }
        fatal("cannot look at the folder %s: %s", folder.c_str(), std::strerror(errno));
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::getuid()) {
        fatal("%s is no folder of this user: set FASTIO_EMU_DIR", folder.c_str());
    }
    return folder;
}

}  // namespace emulator
