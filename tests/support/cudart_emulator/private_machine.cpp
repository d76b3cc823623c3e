// Linked into tests, not into the emulator.
#include "support/cudart_emulator/private_machine.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace cudart_emulator {
namespace {

constexpr const char* kVariable = "FASTIO_EMU_DIR";
constexpr std::string_view kFolderPrefix = "fastio-emulated-test-";
// Containers often have 64 MiB of /dev/shm, which a few slabs would fill.
constexpr unsigned long long kRoomForSlabs = 1ULL << 30;

std::string parent_folder() {
    struct statvfs room {};
    const bool fits = ::statvfs("/dev/shm", &room) == 0 &&
                      static_cast<unsigned long long>(room.f_bavail) * room.f_frsize >= kRoomForSlabs;
    return fits ? "/dev/shm" : std::filesystem::temp_directory_path().string();
}

/// The folder's lock, which its owner holds; -1 if another one does, or it is gone.
int try_lock(const std::string& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (file >= 0 && ::flock(file, LOCK_EX | LOCK_NB) != 0) {
        ::close(file);
        return -1;
    }
    return file;
}

void remove_abandoned(const std::string& parent) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
        struct stat status {};
        const std::string path = entry.path().string();
        if (!entry.path().filename().string().starts_with(kFolderPrefix) || ::lstat(path.c_str(), &status) != 0 ||
            status.st_uid != ::getuid()) {
            continue;
        }
        if (const int lock = try_lock(path); lock >= 0) {
            std::filesystem::remove_all(path, ignored);
            ::close(lock);
        }
    }
}

void set_switches(const std::string& switches) {
    std::istringstream words(switches);
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) {
            throw std::invalid_argument("'" + word + "' is no NAME=VALUE");
        }
        ::setenv(("FASTIO_EMU_" + word.substr(0, equals)).c_str(), word.substr(equals + 1).c_str(), 0);
    }
}

}  // namespace

PrivateMachine::PrivateMachine(const std::string& switches) {
    set_switches(switches);
    if (std::getenv(kVariable) != nullptr) {
        return;
    }
    const std::string parent = parent_folder();
    remove_abandoned(parent);
    for (;;) {
        folder_ = parent + "/" + std::string(kFolderPrefix) + "XXXXXX";
        if (::mkdtemp(folder_.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(), "make the folder " + folder_);
        }
        lock_ = try_lock(folder_);
        struct stat status {};
        if (lock_ >= 0 && ::fstat(lock_, &status) == 0 && status.st_nlink > 0) {
            break;
        }
        ::close(lock_);  // another test took it for abandoned before it was locked
    }
    // A folder in it, because the last process to leave a machine removes the machine's folder, and with it the lock:
    // the next one's would look abandoned.
    ::setenv(kVariable, (folder_ + "/machine").c_str(), 1);
}

PrivateMachine::~PrivateMachine() {
    if (!folder_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
        ::close(lock_);
    }
}

}  // namespace cudart_emulator
