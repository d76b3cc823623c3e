// Memory that goes while others have it open, and processes that do: rules 34 to 38.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

// Large enough to be told from what contexts take and give.
constexpr std::size_t kBytes = 64 * kMiB;
const std::string kSize = std::to_string(kBytes);
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::seconds kSoon{1};

/// A process with memory full of 42, which is open here, and what is free now.
struct Imported {
    std::optional<Peer> owner{std::in_place};
    std::string handle{};
    std::byte* data = nullptr;
    std::size_t free = 0;

    Imported() {
        owner->must("malloc a " + kSize);
        owner->must("fill a 42 " + kSize);
        handle = owner->must("export a");
        data = opened(handle);
        must(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
        free = free_bytes();
    }
};

/// Whether there is as much more memory than `before`. A driver may take its time over a dead process.
bool comes_back(std::size_t before, std::chrono::seconds patience = kPatience) {
    const auto missing = [&] { return free_bytes() < before + kBytes / 2 ? cudaErrorNotReady : cudaSuccess; };
    return poll(missing, cudaErrorNotReady, patience) == cudaSuccess;
}

std::string until_closed(const Imported& import) {
    if (comes_back(import.free, kSoon)) {
        return "comes back at once";
    }
    must(cudaIpcCloseMemHandle(import.data), "cudaIpcCloseMemHandle");
    return comes_back(import.free) ? "comes back with the close" : "does not come back";
}

std::string read_after_free() {
    Imported import;
    import.owner->must("free a");
    return read_byte(import.data);
}
std::string memory_after_free() {
    Imported import;
    import.owner->must("free a");
    return until_closed(import);
}

std::string read_after_death() {
    Imported import;
    import.owner->kill();
    return read_byte(import.data);
}
std::string write_after_death() {
    Imported import;
    import.owner->kill();
    return text(fill(import.data, 43, kBytes));
}
std::string close_after_death() {
    Imported import;
    import.owner->kill();
    return text(cudaIpcCloseMemHandle(import.data));
}
std::string memory_after_death() {
    Imported import;
    import.owner->kill();
    return until_closed(import);
}
std::string open_after_death() {
    Imported import;
    must(cudaIpcCloseMemHandle(import.data), "cudaIpcCloseMemHandle");
    import.owner->kill();
    void* data = nullptr;
    return text(open_memory(&data, import.handle));
}
std::string open_again_after_death() {
    Imported import;
    import.owner->kill();
    void* data = nullptr;
    const std::string code = text(open_memory(&data, import.handle));
    return code + (data == import.data ? " same address" : "");
}

std::uint64_t first_word(const void* data) {
    std::uint64_t word = 0;
    must(cudaMemcpy(&word, data, sizeof(word), cudaMemcpyDeviceToHost), "reading what a kernel counts up");
    return word;
}

std::string read_after_death_in_a_kernel() {
    Imported import;
    const std::uint64_t before = first_word(import.data);
    import.owner->must("count-up a");
    while (first_word(import.data) == before) {
    }
    import.owner->kill();
    return read_byte(import.data + kBytes / 2);
}

/// How long a killed process's kernel writes on, by what a survivor sees in its own memory.
std::string writes_after_death() {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds kQuiet{500};
    const Memory memory(kBlock);
    must(fill(memory.data(), 0, kBlock), "cudaMemset");
    Peer writer;
    writer.must("open b " + exported(memory.data()));
    writer.must("count-up b");
    const auto count = [&] { return first_word(memory.data()); };
    while (count() == 0) {
    }
    writer.kill();
    const Clock::time_point dead = Clock::now();
    Clock::time_point changed = dead;
    for (std::uint64_t last = count(); Clock::now() < changed + kQuiet && Clock::now() < dead + kPatience;) {
        const std::uint64_t now = count();
        if (now != last) {
            last = now;
            changed = Clock::now();
        }
    }
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(changed - dead).count()) +
           " us after its process was reaped";
}

/// Owns memory that a killed process had open.
struct Orphaned {
    Memory memory{kBytes};

    Orphaned() {
        must(fill(memory.data(), 42, kBytes), "cudaMemset");
        Peer importer;
        importer.must("open b " + exported(memory.data()));
        importer.kill();
    }
};

std::string owner_after_importers_death() {
    const Orphaned orphaned;
    return read_byte(orphaned.memory.data());
}
std::string memory_after_importers_death() {
    Orphaned orphaned;
    const std::size_t before = free_bytes();
    const std::string code = text(orphaned.memory.free());
    return code + (comes_back(before) ? " comes back" : " does not come back");
}

std::string in_a_forked_child(int (*call)()) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        throw std::runtime_error("no pipe");
    }
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the call hang
        const int code = call();
        ::_exit(::write(ends[1], &code, sizeof(code)) == sizeof(code) ? 0 : 1);
    }
    ::close(ends[1]);
    int code = -1;
    const bool told = ::read(ends[0], &code, sizeof(code)) == sizeof(code);
    int status = 0;
    ::waitpid(child, &status, 0);
    return told ? std::to_string(code) : "crashed: signal " + std::to_string(WTERMSIG(status));
}
std::string malloc_in_a_forked_child() {
    return in_a_forked_child([]() -> int {
        void* data = nullptr;
        return cudaMalloc(&data, kBlock);
    });
}
std::string count_in_a_forked_child() {
    return in_a_forked_child([]() -> int {
        int count = 0;
        return cudaGetDeviceCount(&count);
    });
}

constexpr Rule kRules[] = {
    {"34a", Grade::field, "an importer reads what its owner freed", "0 42", kSame, read_after_free, true, true},
    {"34b", Grade::field, "memory that was freed while an importer had it open", "comes back with the close", kSame,
     memory_after_free, true, true},
    {"35a", Grade::field, "an importer reads what a killed owner had", "0 42 | 700", "0 42", read_after_death, true,
     true},
    {"35b", Grade::unknown, "an importer writes to it", "0", "0", write_after_death, true, true},
    {"35c", Grade::unknown, "an importer closes it", "0", "0", close_after_death, true, true},
    {"35d", Grade::field, "memory of a killed owner that an importer has open", "comes back with the close", kSame,
     memory_after_death, true, true},
    {"35e", Grade::unknown, "an importer reads what an owner had that was killed in a kernel", "0 42 | 700",
     kNotModelled, read_after_death_in_a_kernel, true, true},
    {"35f", Grade::unknown, "how long a killed process's kernel writes on", "", kNotModelled, writes_after_death, true,
     true},
    {"36a", Grade::unknown, "opening a killed owner's handle", "1 | 400", "1", open_after_death, true, true},
    {"36b", Grade::unknown, "opening a killed owner's handle that is open already", "", "0 same address",
     open_again_after_death, true, true},
    {"37a", Grade::documented, "an owner reads its memory after an importer was killed", "0 42", kSame,
     owner_after_importers_death, true, true},
    {"37b", Grade::inferred, "memory that a killed importer had open, when its owner frees it", "0 comes back", kSame,
     memory_after_importers_death, true, true},
    {"38a", Grade::documented, "cudaMalloc in a forked child", "3", kSame, malloc_in_a_forked_child},
    {"38b", Grade::documented, "cudaGetDeviceCount in a forked child", "3", kSame, count_in_a_forked_child},
};

}  // namespace

std::span<const Rule> death_rules() {
    return kRules;
}

}  // namespace fastio::conformance
