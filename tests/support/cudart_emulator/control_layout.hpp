#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace emulator {

/// What a driver knows about the whole machine, in a file that every process of a fake machine maps. Process-private
/// state (addresses, streams) is elsewhere.
///
/// *Thread safety:* written and read under `mutex`, except where a field is atomic.
/// *Invariants:*
/// 1. Nothing is counted that can be computed from the records: a process that was killed between two stores leaves no
///    wrong sum behind, at worst a block that no record names any more.
/// 2. A record becomes valid by the last store to it (`id`, `state`, `used`) and invalid by the first.
/// 3. Ids are never used again.

constexpr std::uint64_t kBlockBytes = std::uint64_t{2} << 20;
constexpr std::uint32_t kMaxGpus = 8;
constexpr std::uint32_t kMaxProcesses = 512;
constexpr std::uint32_t kNoProcess = kMaxProcesses;
constexpr std::uint32_t kMaxRuns = 8192;
constexpr std::uint32_t kMaxAllocations = 16'384;
constexpr std::uint32_t kMaxMappings = 32'768;
constexpr std::uint32_t kMaxEvents = 32'768;
constexpr std::uint32_t kMaxGates = 16;

/// A process that uses the fake machine. Whether it lives is not written here: see Control::lives.
struct ProcessRecord {
    std::uint32_t used;
    pid_t pid;                     ///< as the process sees itself
    std::uint32_t contexts;        ///< bit per GPU that it uses
    std::uint32_t gpu_of_its_own;  ///< it has an engine that outlives it
};

/// Consecutive blocks in the file of one GPU. Owned by one process's allocations; free runs keep their contents.
struct RunRecord {
    enum State : std::uint32_t { none, free, in_use };
    std::atomic<std::uint32_t> state;
    std::uint32_t gpu;
    std::uint64_t offset;
    std::uint64_t bytes;
};

/// One cudaMalloc. Freed ones stay recorded while an importer has them open.
struct AllocationRecord {
    enum State : std::uint32_t { live, freed, orphaned };
    std::atomic<std::uint64_t> id;  ///< 0: unused record
    std::atomic<std::uint32_t> state;
    std::uint32_t run;
    std::uint32_t owner;  ///< index of a ProcessRecord while live
    pid_t owner_pid;
    std::uint64_t offset;  ///< within the run
    std::uint64_t bytes;
    std::uint64_t owner_address;
};

/// A process has an allocation of another one open.
struct MappingRecord {
    std::uint64_t id;  ///< of the allocation; 0: unused record
    std::uint32_t process;
    std::uint32_t allocation;  ///< index
};

/// An interprocess event. Engines write `completed`; whoever records writes `recorded`.
struct EventRecord {
    std::atomic<std::uint64_t> id;  ///< 0: unused record
    std::uint32_t owner;            ///< index of a ProcessRecord; kNoProcess if it died before it was complete
    pid_t owner_pid;
    std::atomic<std::uint64_t> recorded;
    std::atomic<std::uint64_t> completed;
};

/// A call that waits until a test lets it go on; see gates.hpp.
struct GateRecord {
    char call[48];
    std::atomic<std::uint32_t> named;  ///< 0: unused record; stored after `call`, which calls look at without the mutex
    std::atomic<std::uint32_t> closed;
    std::atomic<std::uint32_t> arrivals;
};

struct ControlLayout {
    std::atomic<std::uint64_t> magic;  ///< last store of the process that makes the machine
    std::uint64_t layout_bytes;
    std::uint64_t memory_bytes;
    std::uint32_t gpus;
    std::atomic<std::uint32_t> released;  ///< counts up when engines of dead processes shall end
    pthread_mutex_t mutex;
    std::uint64_t last_id;
    std::uint64_t file_bytes[kMaxGpus];
    // Records from here on were never used: where searches end.
    std::uint32_t runs_end;
    std::uint32_t allocations_end;
    std::uint32_t mappings_end;
    std::uint32_t events_end;
    ProcessRecord processes[kMaxProcesses];
    RunRecord runs[kMaxRuns];
    AllocationRecord allocations[kMaxAllocations];
    MappingRecord mappings[kMaxMappings];
    EventRecord events[kMaxEvents];
    GateRecord gates[kMaxGates];
};
static_assert(std::is_standard_layout_v<ControlLayout>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace emulator
