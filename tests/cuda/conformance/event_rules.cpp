// Events between processes: rules 52 to 58.
#include "calls.hpp"
#include "peer.hpp"
#include "rule.hpp"

namespace fastio::conformance {
namespace {

constexpr unsigned kShared = cudaEventInterprocess | cudaEventDisableTiming;
constexpr std::chrono::seconds kWhile{1};

cudaEvent_t event(unsigned flags) {
    cudaEvent_t made = nullptr;
    must(cudaEventCreateWithFlags(&made, flags), "cudaEventCreateWithFlags");
    return made;
}

cudaError_t open_event(cudaEvent_t& opened, const std::string& handle) {
    return cudaIpcOpenEventHandle(&opened, event_handle(handle));
}

/// Another process's event, open here.
struct Imported {
    Peer owner{};
    std::string handle{};
    cudaEvent_t here = nullptr;

    Imported() {
        owner.must("make-event e");
        handle = owner.must("export-event e");
        must(open_event(here, handle), "cudaIpcOpenEventHandle");
    }
    /// Recorded behind work that is held up.
    void record_held() {
        owner.must("hold first");
        owner.must("record-event e");
    }
};

std::string timed_interprocess() {
    cudaEvent_t made = nullptr;
    return text(cudaEventCreateWithFlags(&made, cudaEventInterprocess));
}
std::string export_of_a_shared_one() {
    cudaIpcEventHandle_t handle{};
    return text(cudaIpcGetEventHandle(&handle, event(kShared)));
}
std::string export_of_a_plain_one() {
    cudaIpcEventHandle_t handle{};
    return text(cudaIpcGetEventHandle(&handle, event(cudaEventDisableTiming)));
}
std::string export_of_null() {
    cudaIpcEventHandle_t handle{};
    return text(cudaIpcGetEventHandle(&handle, nullptr));
}
std::string export_to_null() {
    return text(cudaIpcGetEventHandle(nullptr, event(kShared)));
}

std::string open_of_an_own_one() {
    cudaIpcEventHandle_t handle{};
    must(cudaIpcGetEventHandle(&handle, event(kShared)), "cudaIpcGetEventHandle");
    cudaEvent_t opened = nullptr;
    return text(cudaIpcOpenEventHandle(&opened, handle));
}
std::string open_of_garbage() {
    cudaIpcEventHandle_t handle{};
    for (char& byte : handle.reserved) {
        byte = 'x';
    }
    cudaEvent_t opened = nullptr;
    return text(cudaIpcOpenEventHandle(&opened, handle));
}

std::string recorded_by_the_owner() {
    Imported import;
    import.record_held();
    const std::string before = text(cudaEventQuery(import.here));
    import.owner.must("let-go first");
    return before + " " + text(cudaEventSynchronize(import.here));
}
std::string recorded_by_the_importer() {
    Imported import;
    const Stream stream;
    Gate gate;
    gate.hold(stream.get());
    must(cudaEventRecord(import.here, stream.get()), "cudaEventRecord");
    const std::string before = import.owner.ask("query-event e");
    gate.open();
    return before + " " + import.owner.ask("synchronise-event e");
}
std::string elapsed_time() {
    const Imported import;
    must(cudaEventRecord(import.here, nullptr), "cudaEventRecord");
    must(cudaEventSynchronize(import.here), "cudaEventSynchronize");
    float milliseconds = 0;
    return text(cudaEventElapsedTime(&milliseconds, import.here, import.here));
}
std::string destroyed_by_the_importer() {
    Imported import;
    const std::string code = text(cudaEventDestroy(import.here));
    return code + ", owner " + import.owner.ask("query-event e");
}

std::string not_recorded() {
    const Imported import;
    const Stream stream;
    const std::string query = text(cudaEventQuery(import.here));
    const std::string wait = text(cudaStreamWaitEvent(stream.get(), import.here, 0));
    return query + " " + wait + " " + text(cudaStreamSynchronize(stream.get()));
}

std::string recorded_again() {
    Imported import;
    const Stream stream;
    import.record_held();
    must(cudaStreamWaitEvent(stream.get(), import.here, 0), "cudaStreamWaitEvent");
    import.owner.must("hold second");
    import.owner.must("record-event e");
    import.owner.must("let-go first");
    const std::string waited = text(cudaStreamSynchronize(stream.get()));
    const std::string query = text(cudaEventQuery(import.here));
    import.owner.must("let-go second");
    return waited + " " + query + " " + text(cudaEventSynchronize(import.here));
}

std::string open_of_a_destroyed_one() {
    Imported import;
    import.owner.must("destroy-event e");
    cudaEvent_t again = nullptr;
    return text(open_event(again, import.handle));
}
std::string first_open_of_a_destroyed_one() {
    Peer owner;
    owner.must("make-event e");
    const std::string handle = owner.must("export-event e");
    owner.must("destroy-event e");
    cudaEvent_t here = nullptr;
    return text(open_event(here, handle));
}
std::string query_of_a_destroyed_one() {
    Imported import;
    import.owner.must("destroy-event e");
    return text(cudaEventQuery(import.here));
}

std::string after_a_while(const std::function<cudaError_t()>& query) {
    const std::string code = text(poll(query, cudaErrorNotReady, kWhile));
    return code == "600" ? "600 for a second" : code;
}
std::string query_after_death() {
    Imported import;
    import.record_held();
    import.owner.kill();
    return after_a_while([&] { return cudaEventQuery(import.here); });
}
std::string wait_before_death() {
    Imported import;
    import.record_held();
    cudaStream_t stream = nullptr;  // not destroyed: it may never end
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    must(cudaStreamWaitEvent(stream, import.here, 0), "cudaStreamWaitEvent");
    import.owner.kill();
    return after_a_while([&] { return cudaStreamQuery(stream); });
}

std::string how_many() {
    constexpr int kMost = 4'000;  // each may take a file of /dev/shm, which is 64 MiB in many containers
    const auto end = std::chrono::steady_clock::now() + part_of_limit(5);
    const Stream stream;
    for (int made = 0; made < kMost; ++made) {
        if (std::chrono::steady_clock::now() > end) {
            return "0 for " + std::to_string(made) + ", then the time was over";
        }
        cudaEvent_t one = nullptr;
        if (const cudaError_t code = cudaEventCreateWithFlags(&one, kShared)) {
            return text(code) + " after " + std::to_string(made);
        }
        must(cudaEventRecord(one, stream.get()), "cudaEventRecord");
    }
    return "0 for " + std::to_string(kMost);
}

constexpr Rule kRules[] = {
    {"52a", Grade::inferred, "an interprocess event that measures time", "1", kSame, timed_interprocess},
    {"52b", Grade::documented, "export of an interprocess event", "0", kSame, export_of_a_shared_one},
    {"52c", Grade::documented, "export of another event", "400", kSame, export_of_a_plain_one},
    {"52d", Grade::tested, "export of null", "1", kSame, export_of_null},
    {"52e", Grade::unknown, "export without a place for the handle", "", "crashed: signal 6", export_to_null},
    {"53a", Grade::tested, "a process opens its own event", "201", kSame, open_of_an_own_one},
    {"53b", Grade::tested, "opening garbage as an event", "1 | 205 | 400", "1", open_of_garbage},
    {"54a", Grade::documented, "an importer waits for what the owner recorded", "600 0", kSame, recorded_by_the_owner},
    {"54b", Grade::documented, "the owner waits for what an importer recorded", "600 0", kSame,
     recorded_by_the_importer},
    {"54c", Grade::documented, "an imported event measures no time", "400", kSame, elapsed_time},
    {"54d", Grade::documented, "an importer destroys its event", "0, owner 0", kSame, destroyed_by_the_importer},
    {"55", Grade::documented, "an event that was never recorded is complete", "0 0 0", kSame, not_recorded},
    {"56", Grade::inferred, "a wait is for the record at the time of its call", "0 600 0", kSame, recorded_again},
    {"57a", Grade::field, "opening what its owner destroyed", "1", kSame, open_of_a_destroyed_one},
    {"57b", Grade::unknown, "query of what its owner destroyed", "", "0", query_of_a_destroyed_one},
    {"57c", Grade::unknown, "query of what a killed owner had recorded", "", "600 for a second", query_after_death},
    {"57d", Grade::unknown, "a stream waits for it", "", "600 for a second", wait_before_death},
    {"57e", Grade::field, "opening for the first time what its owner destroyed", "1", kSame,
     first_open_of_a_destroyed_one},
    {"58", Grade::unknown, "how many recorded interprocess events there can be", "", "2 after 2000", how_many, true,
     true},
};

}  // namespace

std::span<const Rule> event_rules() {
    return kRules;
}

}  // namespace fastio::conformance
