#pragma once

#include <cstdint>
#include <string>

#include "support/cudart_emulator/control_layout.hpp"
#include "support/cudart_emulator/settings.hpp"

namespace emulator {

/// This process's place on the fake machine: the mapped control file, and the locks that say who lives.
///
/// A process holds a POSIX lock on one byte of the control file that its slot names, and so does the engine that works
/// on for it (engine_process.hpp). The kernel drops such a lock when the process ends or executes another program, in
/// whatever PID namespace, and a forked child does not inherit it: what nobody locks is dead. Process ids and start
/// times would say the same only within one namespace.
///
/// *Thread safety:* any; what is reached through layout() needs a Lock.
class Control {
public:
    /// Joins the machine in `settings.folder`, making it if there is none; ends the process with a message if that is
    /// impossible. What dead processes left is taken back.
    explicit Control(const Settings& settings);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// Holds the mutex of the machine. If its last holder was killed, the machine is used as that one left it
    /// (invariants 1 and 2).
    class Lock {
    public:
        explicit Lock(Control& control);
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;
        ~Lock();

    private:
        Control& control_;
    };

    [[nodiscard]] ControlLayout& layout() noexcept { return *layout_; }
    [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
    [[nodiscard]] int file() const noexcept { return file_; }

    /// Whether the process of a slot lives, and whether an engine still works for it. *Threads:* any, no lock needed.
    [[nodiscard]] bool lives(std::uint32_t slot) const noexcept;
    [[nodiscard]] bool engine_lives(std::uint32_t slot) const noexcept;
    /// Takes the engine's byte of a slot for the calling process; async-signal-safe.
    static void lock_engine(int file, std::uint32_t slot) noexcept;
    /// Returns when no engine works for a process that is dead.
    void wait_for_dead_engines();

    /// Takes back what dead processes left, once no engine works for them. Needs a Lock.
    void reap();
    /// Gives this process's memory and place back; the last one to leave removes the files.
    void leave();

private:
    void open_file();
    void make_machine(const Settings& settings);
    void take_slot();
    void forget(std::uint32_t slot);

    std::string folder_;
    int file_ = -1;
    ControlLayout* layout_ = nullptr;
    std::uint32_t slot_ = kMaxProcesses;
};

}  // namespace emulator
