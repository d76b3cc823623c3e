// Memory that goes while others have it open, and processes that do: rules 34 to 38.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <thread>

#include "calls.hpp"
#include "kernels.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

constexpr std::chrono::seconds kSoon{1};

/// For what comes sooner or later: a driver may take its time over a dead process.
std::chrono::milliseconds patience() {
    return part_of_limit(6);
}

/// How much memory to look for: several GiB where there is as much, because a process's context takes hundreds of MiB
/// of a large GPU, and those come back with it.
std::size_t amount() {
    constexpr std::size_t kLeast = 64 * kMiB;
    constexpr std::size_t kMost = 4096 * kMiB;
    return std::clamp(free_bytes() / 16 / kBlock * kBlock, kLeast, kMost);
}

/// What is free once it stays the same for a moment: those that ended before may still give memory back.
std::size_t settled_free_bytes() {
    constexpr std::chrono::milliseconds kMoment{100};
    const auto end = std::chrono::steady_clock::now() + part_of_limit(15);
    for (std::size_t last = free_bytes();;) {
        std::this_thread::sleep_for(kMoment);
        const std::size_t now = free_bytes();
        if (now == last || std::chrono::steady_clock::now() > end) {
            return now;
        }
        last = now;
    }
}

/// Makes the other process's context, and says how much of the GPU's memory that took.
std::size_t context_of(Peer& peer) {
    const std::size_t before = settled_free_bytes();
    peer.must("context");
    const std::size_t after = settled_free_bytes();
    return before > after ? before - after : 0;
}

/// A process with memory full of 42, which is open here, and what is free now.
struct Imported {
    std::size_t bytes = amount();
    std::optional<Peer> owner{std::in_place};
    std::size_t context = context_of(*owner);  ///< what comes back with the owner, beside its memory
    std::string handle{};
    std::byte* data = nullptr;
    std::size_t free = 0;

    Imported() {
        const std::string size = std::to_string(bytes);
        owner->must("malloc a " + size);
        owner->must("fill a 42 " + size);
        handle = owner->must("export a");
        data = opened(handle);
        must(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
        free = settled_free_bytes();
    }
};

/// Whether there are about `bytes` more than `before`.
bool comes_back(std::size_t bytes, std::size_t before, std::chrono::milliseconds limit = patience()) {
    const auto missing = [&] { return free_bytes() < before + bytes / 2 ? cudaErrorNotReady : cudaSuccess; };
    return poll(missing, cudaErrorNotReady, limit) == cudaSuccess;
}

/// `before`: what is free without that memory.
std::string until_closed(const Imported& import, std::size_t before) {
    if (comes_back(import.bytes, before, kSoon)) {
        return "comes back at once";
    }
    must(cudaIpcCloseMemHandle(import.data), "cudaIpcCloseMemHandle");
    return comes_back(import.bytes, before) ? "comes back with the close" : "does not come back";
}

std::string read_after_free() {
    Imported import;
    import.owner->must("free a");
    return read_byte(import.data);
}
std::string memory_after_free() {
    Imported import;
    import.owner->must("free a");
    return until_closed(import, import.free);
}
std::string write_after_free() {
    Imported import;
    import.owner->must("free a");
    const std::string code = text(fill(import.data, 43, import.bytes));
    import.owner->must("malloc b 2097152");
    import.owner->must("fill b 44 2097152");
    return code + ", owner " + import.owner->ask("read b 0");
}

std::string read_after_death() {
    Imported import;
    import.owner->kill();
    return read_byte(import.data);
}
std::string write_after_death() {
    Imported import;
    import.owner->kill();
    return text(fill(import.data, 43, import.bytes));
}
std::string close_after_death() {
    Imported import;
    import.owner->kill();
    return text(cudaIpcCloseMemHandle(import.data));
}
std::string memory_after_death() {
    Imported import;
    import.owner->kill();
    return until_closed(import, import.free + import.context);
}
std::string memory_after_both_deaths() {
    const std::size_t bytes = amount();
    Peer owner;
    Peer importer;
    const std::size_t contexts = context_of(owner) + context_of(importer);
    owner.must("malloc a " + std::to_string(bytes));
    owner.must("fill a 42 " + std::to_string(bytes));
    importer.must("open b " + owner.must("export a"));
    const std::size_t before = settled_free_bytes() + contexts;
    owner.kill();
    if (comes_back(bytes, before, kSoon)) {
        return "comes back at once";
    }
    importer.kill();
    return comes_back(bytes, before) ? "comes back with the exit" : "does not come back";
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

/// Waits until another process's kernel has begun to count.
void must_count(const void* word, std::uint64_t from) {
    const auto counts = [&] { return first_word(word) == from ? cudaErrorNotReady : cudaSuccess; };
    must(poll(counts, cudaErrorNotReady, patience()), "the kernel that counts");
}

std::string read_after_death_in_a_kernel() {
    Imported import;
    const std::uint64_t before = first_word(import.data);
    import.owner->must("count-up a");
    must_count(import.data, before);
    import.owner->kill();
    return read_byte(import.data + import.bytes / 2);
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
    must_count(memory.data(), 0);
    writer.kill();
    const Clock::time_point dead = Clock::now();
    Clock::time_point changed = dead;
    for (std::uint64_t last = count();
         Clock::now() < changed + kQuiet && Clock::now() < dead + std::chrono::seconds(kCountUpSeconds);) {
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
    std::size_t bytes = amount();
    Memory memory{bytes};

    Orphaned() {
        must(fill(memory.data(), 42, bytes), "cudaMemset");
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
    const std::size_t before = settled_free_bytes();  // with all of the importer's context
    const std::string code = text(orphaned.memory.free());
    return code + (comes_back(orphaned.bytes, before) ? " comes back" : " does not come back");
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
    {"34c", Grade::unknown, "an importer writes to what its owner freed, and the owner goes on", "", "0, owner 0 44",
     write_after_free, true, true},
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
    {"35g", Grade::unknown, "memory of a killed owner whose importer is killed too", "comes back with the exit",
     "comes back with the exit", memory_after_both_deaths, true, true},
    {"36a", Grade::unknown, "opening a killed owner's handle", "1 | 400", "1", open_after_death, true, true},
    {"36b", Grade::unknown, "opening a killed owner's handle that is open already", "", "0 same address",
     open_again_after_death, true, true},
    {"37a", Grade::documented, "an owner reads its memory after an importer was killed", "0 42", kSame,
     owner_after_importers_death, true, true},
    {"37b", Grade::inferred, "memory that a killed importer had open, when its owner frees it", "0 comes back", kSame,
     memory_after_importers_death, true, true},
    {"38a", Grade::documented, "cudaMalloc in a forked child", "3", kSame, malloc_in_a_forked_child},
    {"38b", Grade::inferred, "cudaGetDeviceCount in a forked child", "0 | 3", "3", count_in_a_forked_child},
};

}  // namespace

std::span<const Rule> death_rules() {
    return kRules;
}

}  // namespace fastio::conformance
