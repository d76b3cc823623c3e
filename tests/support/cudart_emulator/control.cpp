#include "support/cudart_emulator/control.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "support/cudart_emulator/descriptors.hpp"
#include "support/cudart_emulator/fatal.hpp"
#include "support/cudart_emulator/folder.hpp"
#include "support/cudart_emulator/records.hpp"

namespace emulator {
namespace {

constexpr std::uint64_t kMagic = 0x0013'6570'6475'6d65;

// Bytes far behind the file's end: locks need no contents. The first is held while a machine is made or unmade.
constexpr off_t kMaking = off_t{1} << 40;
constexpr off_t kFirstSlot = kMaking + 1;

off_t byte_of_process(std::uint32_t slot) {
    return kFirstSlot + 2 * off_t{slot};
}
off_t byte_of_engine(std::uint32_t slot) {
    return byte_of_process(slot) + 1;
}

// By the system call itself: an engine calls this where the thread sanitizer's fcntl must not be called.
long lock_call(int file, int command, short type, off_t byte, struct flock& lock) noexcept {
    lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;
    long result = 0;
    do {
        result = ::syscall(SYS_fcntl, file, command, &lock);
    } while (result != 0 && errno == EINTR);
    return result;
}

void set_lock(int file, short type, off_t byte) {
    struct flock lock {};
    if (lock_call(file, F_SETLKW, type, byte, lock) != 0) {
        fatal("cannot lock the control file: %s", std::strerror(errno));
    }
}

bool is_locked_by_another(int file, off_t byte) noexcept {
    struct flock lock {};
    return lock_call(file, F_GETLK, F_WRLCK, byte, lock) == 0 && lock.l_type != F_UNLCK;
}

std::string file_of_gpu(const std::string& folder, std::uint32_t gpu) {
    return folder + "/gpu" + std::to_string(gpu);
}

}  // namespace

Control::Lock::Lock(Control& control) : control_(control) {
    const int result = ::pthread_mutex_lock(&control.layout().mutex);
    if (result == EOWNERDEAD) {
        ::pthread_mutex_consistent(&control.layout().mutex);
    } else if (result != 0) {
        fatal("cannot lock the machine: %s", std::strerror(result));
    }
}

Control::Lock::~Lock() {
    ::pthread_mutex_unlock(&control_.layout().mutex);
}

Control::Control(const Settings& settings) {
    for (;;) {
        folder_ = make_folder(settings.folder);
        open_file();
        if (file_ < 0) {
            continue;
        }
        set_lock(file_, F_WRLCK, kMaking);
        struct stat status {};
        ::fstat(file_, &status);
        if (status.st_nlink > 0) {
            break;
        }
        ::close(file_);  // the last process of that machine removed it; its lock went with the descriptor
    }
    if (::ftruncate(file_, sizeof(ControlLayout)) != 0) {
        fatal("cannot write %s/control: %s", folder_.c_str(), std::strerror(errno));
    }
    void* const mapped = ::mmap(nullptr, sizeof(ControlLayout), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (mapped == MAP_FAILED) {
        fatal("cannot map %s/control: %s", folder_.c_str(), std::strerror(errno));
    }
    layout_ = static_cast<ControlLayout*>(mapped);
    if (layout_->magic.load(std::memory_order_acquire) != kMagic) {
        make_machine(settings);
    } else if (layout_->layout_bytes != sizeof(ControlLayout)) {
        fatal("the machine in %s is of another version: remove the folder", folder_.c_str());
    }
    {
        const Lock lock(*this);
        take_slot();
    }
    set_lock(file_, F_UNLCK, kMaking);
}

void Control::open_file() {
    file_ = ::open((folder_ + "/control").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ >= 0) {
        file_ = above_standard(file_);
    } else if (errno != ENOENT) {
        fatal("cannot open %s/control: %s", folder_.c_str(), std::strerror(errno));
    }
}

void Control::make_machine(const Settings& settings) {
    if (settings.gpus < 1 || settings.gpus > kMaxGpus) {
        fatal("FASTIO_EMU_GPUS=%u: a machine has 1 to %u", settings.gpus, kMaxGpus);
    }
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&layout_->mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    layout_->layout_bytes = sizeof(ControlLayout);
    layout_->gpus = settings.gpus;
    layout_->memory_bytes = settings.memory_bytes;
    layout_->magic.store(kMagic, std::memory_order_release);
}

void Control::take_slot() {
    reap();
    for (std::uint32_t slot = 0; slot < kMaxProcesses; ++slot) {
        ProcessRecord& process = layout_->processes[slot];
        if (process.used == 0) {
            process = {};
            process.pid = ::getpid();
            set_lock(file_, F_WRLCK, byte_of_process(slot));
            process.used = 1;
            slot_ = slot;
            return;
        }
    }
    fatal("more than %u processes use the machine in %s", kMaxProcesses, folder_.c_str());
}

bool Control::lives(std::uint32_t slot) const noexcept {
    return slot == slot_ || is_locked_by_another(file_, byte_of_process(slot));
}

bool Control::engine_lives(std::uint32_t slot) const noexcept {
    return is_locked_by_another(file_, byte_of_engine(slot));
}

void Control::lock_engine(int file, std::uint32_t slot) noexcept {
    struct flock lock {};
    lock_call(file, F_SETLKW, F_WRLCK, byte_of_engine(slot), lock);
}

void Control::wait_for_dead_engines() {
    for (std::uint32_t slot = 0; slot < kMaxProcesses; ++slot) {
        if (layout_->processes[slot].used != 0 && !lives(slot)) {
            set_lock(file_, F_WRLCK, byte_of_engine(slot));
            set_lock(file_, F_UNLCK, byte_of_engine(slot));
        }
    }
}

void Control::reap() {
    for (std::uint32_t slot = 0; slot < kMaxProcesses; ++slot) {
        if (slot != slot_ && layout_->processes[slot].used != 0 && !lives(slot) && !engine_lives(slot)) {
            forget(slot);
        }
    }
}

void Control::forget(std::uint32_t slot) {
    for (AllocationRecord& allocation : used(layout_->allocations, layout_->allocations_end)) {
        if (allocation.id != 0 && allocation.state == AllocationRecord::live && allocation.owner == slot) {
            allocation.state = AllocationRecord::orphaned;
        }
    }
    for (MappingRecord& mapping : used(layout_->mappings, layout_->mappings_end)) {
        if (mapping.id != 0 && mapping.process == slot) {
            mapping.id = 0;
        }
    }
    for (EventRecord& event : used(layout_->events, layout_->events_end)) {
        if (event.id == 0 || event.owner != slot) {
            continue;
        }
        // A record that nobody completes any more stays, so that those who have it open see that (rule 57).
        event.owner = kNoProcess;
        if (event.completed >= event.recorded) {
            event.id = 0;
        }
    }
    layout_->processes[slot].used = 0;
    drop_unused(*layout_);
}

void Control::leave() {
    set_lock(file_, F_WRLCK, kMaking);
    const Lock lock(*this);
    forget(slot_);
    reap();
    const bool last = std::none_of(std::begin(layout_->processes), std::end(layout_->processes),
                                   [](const ProcessRecord& process) { return process.used != 0; });
    if (last) {
        for (std::uint32_t gpu = 0; gpu < layout_->gpus; ++gpu) {
            ::unlink(file_of_gpu(folder_, gpu).c_str());
        }
        ::unlink((folder_ + "/control").c_str());
        ::rmdir(folder_.c_str());
    }
    // The locks go with the process, which is about to end.
}

}  // namespace emulator
