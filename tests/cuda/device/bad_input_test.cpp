// Machines, drivers and GPUs that are not as they should be, met by fastiod and by operators.
#include <gtest/gtest.h>

#include <algorithm>

#include "cuda/device/stream_operator.hpp"
#include "process/service_process.hpp"
#include "support/errors.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

using Machine = std::map<std::string, std::string>;

struct Refusal {
    ExitStatus status{};
    std::string output{};
};

/// Starts a fastiod that must refuse.
Refusal start_refused(const std::string& device, const Machine& machine) {
    const TempDir folder;
    ChildOptions options;
    options.environment = machine;
    options.capture_output = true;
    ChildProcess fastiod = ChildProcess::start(FASTIO_TEST_FASTIOD,
                                               {"--socket", folder.file("fastiod.sock"), "--device", device}, options);
    Refusal refusal;
    refusal.status = fastiod.wait();
    refusal.output = fastiod.output();
    return refusal;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(FastiodOnBadMachines, SaysInOneLineWhatTheDriverLacks) {
    for (const auto& [driver, code] : Machine{{"missing", "35"}, {"stub", "34"}, {"no-gpu", "100"}}) {
        const Refusal refusal = start_refused("cuda:0", {{"FASTIO_EMU_DRIVER", driver}});
        EXPECT_EQ(refusal.status, (ExitStatus{1, 0}));
        EXPECT_TRUE(contains(refusal.output, "(" + code + ")")) << refusal.output;
        EXPECT_EQ(std::ranges::count(refusal.output, '\n'), 1) << refusal.output;
    }
}

TEST(FastiodOnBadMachines, RefusesAGpuThatOneProcessHasToItself) {
    const Refusal refusal = start_refused("cuda:0", {{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}});
    EXPECT_EQ(refusal.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(contains(refusal.output, "exclusive")) << refusal.output;
}

TEST(FastiodOnBadMachines, RefusesAGpuThatIsNotThere) {
    EXPECT_EQ(start_refused("cuda:7", {}).status, (ExitStatus{1, 0}));
    EXPECT_EQ(start_refused("cuda:GPU-00000000-0000-0000-0000-000000000000", {}).status, (ExitStatus{1, 0}));
}

TEST(FastiodOnBadMachines, ServesTheHostWhereEveryGpuIsOutOfReach) {
    for (const Machine& machine :
         {Machine{{"FASTIO_EMU_DRIVER", "missing"}}, Machine{{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}}}) {
        const ServiceProcess service({"--device", "auto"}, machine);
        EXPECT_EQ(service.join("job").create(1).device(), "host");
    }
}

/// What a fastiod on a machine with two GPUs has logged when it ends.
std::string log_of(const Machine& machine, const std::string& awaited) {
    const TempDir folder;
    ChildOptions options;
    options.environment = machine;
    options.capture_output = true;
    ChildProcess fastiod = ChildProcess::start(FASTIO_TEST_FASTIOD, {"--socket", folder.file("fastiod.sock")}, options);
    fastiod.wait_for_output(awaited);
    fastiod.signal(SIGTERM);
    EXPECT_EQ(fastiod.wait(), (ExitStatus{0, 0}));
    return fastiod.output();
}

TEST(FastiodOnBadMachines, WarnsOfEachGpuThatItLeavesOutAndOfTheHost) {
    const std::string log = log_of({{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}}, "serving host memory");
    EXPECT_TRUE(contains(log, " warning fastiod: the GPU cuda:0 (GPU-")) << log;
    EXPECT_TRUE(contains(log, " warning fastiod: the GPU cuda:1 (GPU-")) << log;
    EXPECT_TRUE(contains(log, " warning fastiod: serving host memory: every GPU is left out\n")) << log;
}

TEST(FastiodOnBadMachines, ServesTheOtherGpuWhereOneIsLeftOut) {
    const Machine machine{{"FASTIO_EMU_COMPUTE_MODE", "exclusive"}, {"FASTIO_EMU_COMPUTE_MODE_GPU", "0"}};
    const std::string log = log_of(machine, "is left out");
    EXPECT_TRUE(contains(log, "the GPU cuda:0 (GPU-")) << log;
    EXPECT_FALSE(contains(log, "cuda:1")) << log;
    EXPECT_FALSE(contains(log, "host memory")) << log;
    const ServiceProcess service({"--device", "auto"}, machine);
    EXPECT_EQ(service.join("job").create(1).device(), "cuda:1");
}

class BadGpu : public testing::Test {
protected:
    Watchdog watchdog_{"a bad GPU"};
};

TEST_F(BadGpu, ThatIsFullGivesOutOfMemoryAndServesOn) {
    ServiceProcess service({}, {{"FASTIO_EMU_OUT_OF_MEMORY_AFTER", "4194304"}});
    Context context = service.join("job");
    Allocation first = context.create(1 << 20);
    EXPECT_EQ(errc_of([&] { static_cast<void>(context.create(64 << 20)); }), Errc::out_of_memory);
    EXPECT_EQ(context.create(1 << 19).size(), 1U << 19U);
}

TEST_F(BadGpu, ThatIsLostUnderTheServiceEndsItsContextsAndNoOther) {
    ServiceProcess service({"--device", "cuda:0", "--device", "host"}, {{"FASTIO_EMU_FAIL", "cudaMalloc:46:2:breaks"}});
    Context lost({.job = "lost", .socket = service.socket(), .device = "cuda:0"});
    Context kept({.job = "kept", .socket = service.socket(), .device = "host"});
    Allocation first = lost.create(1 << 20);
    EXPECT_EQ(errc_of([&] { static_cast<void>(lost.create(64 << 20)); }), Errc::device_unavailable);
    EXPECT_EQ(errc_of([&] { static_cast<void>(lost.create(1)); }), Errc::device_unavailable);
    EXPECT_EQ(
        errc_of([&] { static_cast<void>(Context({.job = "new", .socket = service.socket(), .device = "cuda:0"})); }),
        Errc::device_unavailable);
    EXPECT_EQ(kept.create(64 << 20).size(), 64U << 20U);
}

TEST_F(BadGpu, WorkOfOneOperatorThatWasStoppedForGoodIsItsAffairAlone) {
    ServiceProcess service;
    StreamOperator broken(service.socket());
    StreamOperator other(service.socket());
    ASSERT_EQ(broken.ask("create a 100"), "ok");
    ASSERT_EQ(broken.ask("put a 7"), "ok");
    ASSERT_EQ(broken.ask("publish a kept"), "ok");
    ASSERT_EQ(broken.ask("finish"), "ok");
    ASSERT_EQ(broken.ask("break 700 0"), "ok");
    const std::string answer = broken.ask("put a 8");
    EXPECT_TRUE(answer.starts_with("error device_error: ")) << answer;
    EXPECT_TRUE(contains(answer, "must end")) << answer;
    for (const char* const call : {"get b kept host", "create c 100", "publish_now a again", "check a"}) {
        const std::string later = broken.ask(call);
        EXPECT_TRUE(later.starts_with("error device_error: ")) << call << ": " << later;
        EXPECT_TRUE(contains(later, "cudaErrorIllegalAddress (700)") && contains(later, "must end")) << later;
    }
    EXPECT_EQ(other.ask("get a kept"), "ok");
    EXPECT_EQ(other.ask("see a 7"), "right");
    EXPECT_EQ(other.ask("create b 100"), "ok");
    broken.process().kill();
    EXPECT_EQ(other.ask("see a 7"), "right");
}

TEST_F(BadGpu, ThatIsLostUnderTheServiceLeavesItsOtherGpu) {
    ServiceProcess service({"--device", "cuda:0", "--device", "cuda:1"},
                           {{"FASTIO_EMU_FAIL", "cudaMalloc:46:3:breaks"}});
    Context lost({.job = "lost", .socket = service.socket(), .device = "cuda:0"});
    Context kept({.job = "kept", .socket = service.socket(), .device = "cuda:1"});
    static_cast<void>(kept.create(1));
    static_cast<void>(lost.create(1));
    EXPECT_EQ(errc_of([&] { static_cast<void>(lost.create(64 << 20)); }), Errc::device_unavailable);
    EXPECT_EQ(kept.create(64 << 20).size(), 64U << 20U);
    EXPECT_EQ(Context({.job = "new", .socket = service.socket(), .device = "cuda:1"}).create(1).size(), 1U);
}

// Operators that lack what the service has.
class BadMachine : public BadGpu {
protected:
    void SetUp() override {
        ASSERT_EQ(owner_.ask("create a 100"), "ok");
        ASSERT_EQ(owner_.ask("put a 7"), "ok");
        ASSERT_EQ(owner_.ask("publish_now a name"), "ok");
    }
    /// That both kinds of call say so, and that an operator of such a machine uses the host's memory all the same.
    void expect_unavailable(const Machine& machine, const std::string& why) {
        StreamOperator one(service_.socket(), "host", machine);
        expect_unavailable(one, "get b name host", why);
        EXPECT_EQ(one.ask("create b 100"), "ok");
        EXPECT_EQ(one.ask("put b 8"), "ok");
        EXPECT_EQ(one.ask("see b 8"), "right");
        EXPECT_EQ(one.ask("leave"), "ok");
        const std::string answer = one.ask("join " + service_.socket() + " cuda:0");
        if (answer == "ok") {  // the machine has a GPU
            expect_unavailable(one, "create b 100", why);
        } else {
            EXPECT_TRUE(answer.starts_with("error device_unavailable: ") && contains(answer, why)) << answer;
        }
    }
    static void expect_unavailable(StreamOperator& one, const std::string& request, const std::string& why) {
        const std::string answer = one.ask(request);
        EXPECT_TRUE(answer.starts_with("error device_unavailable: ")) << request << ": " << answer;
        EXPECT_TRUE(contains(answer, why)) << request << ": " << answer;
    }
    /// Nothing stays of what was refused.
    void expect_nothing_held() {
        EXPECT_EQ(owner_.ask("free a"), "ok");
        Service view = service_.view();
        while (view.totals().allocations != 0) {
        }
    }

    ServiceProcess service_{{"--device", "cuda:0", "--device", "host"}};
    StreamOperator owner_{service_.socket()};
};

TEST_F(BadMachine, WithoutADriverSaysWhatIsMissing) {
    for (const auto& [driver, code] : Machine{{"missing", "35"}, {"stub", "34"}, {"no-gpu", "100"}}) {
        expect_unavailable({{"FASTIO_EMU_DRIVER", driver}}, "(" + code + ")");
    }
    expect_nothing_held();
}

TEST_F(BadMachine, WhoseGpuOneProcessHasToItselfSaysSo) {
    for (const std::string mode : {"exclusive", "prohibited"}) {
        expect_unavailable({{"FASTIO_EMU_COMPUTE_MODE", mode}}, "is in an exclusive or prohibited compute mode");
    }
    expect_nothing_held();
}

TEST_F(BadMachine, WhoseGpuIsTakenMeanwhileSaysSo) {
    StreamOperator one(service_.socket());
    ASSERT_EQ(one.ask("set FASTIO_EMU_COMPUTE_MODE exclusive"), "ok");
    expect_unavailable(one, "get b name host", "(46)");
    expect_unavailable(one, "create b 100", "(46)");
    expect_nothing_held();
}

class BadGpuOfTwo : public BadGpu {
protected:
    // "a" is memory of GPU 0, "b" of GPU 1, each of a context that computes there; requests are about the latter, and
    // have a stream there. GPU 0 is the thread's current one.
    void SetUp() override {
        ASSERT_EQ(one_.ask("create a 100"), "ok");
        ASSERT_EQ(one_.ask("turn"), "ok");
        ASSERT_EQ(one_.ask("join " + service_.socket() + " cuda:1"), "ok");
        ASSERT_EQ(one_.ask("stream 1"), "ok");
        ASSERT_EQ(one_.ask("create b 100"), "ok");
        ASSERT_EQ(one_.ask("publish b first"), "ok");
        ASSERT_EQ(one_.ask("finish"), "ok");
    }
    void expect_lost(const std::string& request) {
        const std::string answer = one_.ask(request);
        EXPECT_TRUE(answer.starts_with("error device_error: ")) << request << ": " << answer;
        EXPECT_TRUE(contains(answer, "cudaErrorIllegalAddress (700)") && contains(answer, "must end")) << answer;
    }
    void expect_serves(const std::string& key) {
        EXPECT_EQ(one_.ask("create " + key + " 100"), "ok");
        EXPECT_EQ(one_.ask("put " + key + " 7"), "ok");
        EXPECT_EQ(one_.ask("publish_now " + key + " " + key), "ok");
        EXPECT_EQ(one_.ask("get again " + key + " host"), "ok");
        EXPECT_EQ(one_.ask("see again 7"), "right");
        EXPECT_EQ(one_.ask("drop again"), "ok");
        EXPECT_EQ(one_.ask("check " + key), "ok");
    }

    ServiceProcess service_{{"--device", "cuda:0", "--device", "cuda:1"}};
    StreamOperator one_{service_.socket(), "cuda:0"};
};

TEST_F(BadGpuOfTwo, ThatIsNotTheCurrentOneIsSaidToBeLostAndNoOther) {
    ASSERT_EQ(one_.ask("break 700 1"), "ok");
    expect_lost("publish b second");  // which only its stream says
    for (const char* const call : {"create c 100", "publish_now b second", "get c first host", "check b"}) {
        expect_lost(call);
    }
    ASSERT_EQ(one_.ask("turn"), "ok");
    expect_serves("d");
}

TEST_F(BadGpuOfTwo, ThatIsTheCurrentOneLeavesTheOther) {
    ASSERT_EQ(one_.ask("break 700 0"), "ok");
    expect_serves("c");
    EXPECT_EQ(one_.ask("write c 8"), "ok");
    EXPECT_EQ(one_.ask("publish c second"), "ok");
    EXPECT_EQ(one_.ask("finish"), "ok");
    ASSERT_EQ(one_.ask("turn"), "ok");
    expect_lost("put a 7");
    expect_lost("create d 100");
    ASSERT_EQ(one_.ask("turn"), "ok");
    expect_serves("e");
}

TEST_F(BadGpu, WithoutPeerAccessCannotReachTheOthersMemory) {
    ServiceProcess service({"--device", "cuda:0", "--device", "cuda:1"});
    StreamOperator producer(service.socket(), "cuda:0");
    ASSERT_EQ(producer.ask("create a 100"), "ok");
    ASSERT_EQ(producer.ask("put a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");
    StreamOperator peer(service.socket(), "cuda:1");
    EXPECT_EQ(peer.ask("get a name"), "ok");
    EXPECT_EQ(peer.ask("see a 7"), "right");
    for (const Machine& machine : {Machine{{"FASTIO_EMU_P2P", "0"}}, Machine{{"FASTIO_EMU_MAX_PEERS", "0"}}}) {
        StreamOperator lonely(service.socket(), "cuda:1", machine);
        const std::string answer = lonely.ask("get a name");
        EXPECT_TRUE(answer.starts_with("error peer_access_unavailable: ")) << answer;
        EXPECT_EQ(lonely.ask("create own 100"), "ok") << "its own GPU's memory is another matter";
    }
}

TEST_F(BadGpu, WhoseMappingIsStillOpenIsAskedOnceMore) {
    ServiceProcess service;
    StreamOperator one(service.socket());
    ASSERT_EQ(one.ask("refuse cudaIpcOpenMemHandle 208"), "ok");
    EXPECT_EQ(one.ask("create a 100"), "ok");
    EXPECT_EQ(one.ask("calls cudaIpcOpenMemHandle"), "2");
}

TEST_F(BadGpu, WhoseMappingIsStillOpenClosesItWhenItsAddressIsUsedAgain) {
    ServiceProcess service({"--trim-after", "0"});
    StreamOperator owner(service.socket());
    StreamOperator one(service.socket(), "cuda:0", {{"FASTIO_EMU_ALREADY_MAPPED", "1"}});
    ASSERT_EQ(owner.ask("create larger 1048576"), "ok");  // each in a slab of its own
    ASSERT_EQ(owner.ask("create smaller 262144"), "ok");
    ASSERT_EQ(owner.ask("publish_now smaller name"), "ok");
    ASSERT_EQ(one.ask("get a name host"), "ok");
    ASSERT_EQ(one.ask("refuse cudaIpcCloseMemHandle 999"), "ok");
    ASSERT_EQ(one.ask("drop a"), "ok");
    ASSERT_EQ(owner.ask("free smaller"), "ok");
    ASSERT_EQ(owner.ask("drop larger"), "ok");
    Service view = service.view();
    while (view.totals().bytes_reserved != 8U << 20U) {  // of two empty slabs the service gives the smaller one back
    }
    ASSERT_EQ(one.ask("calls cudaIpcCloseMemHandle"), "1");
    ASSERT_EQ(owner.ask("create larger 1048576"), "ok");
    ASSERT_EQ(owner.ask("create smaller 262144"), "ok");  // where the freed one was
    ASSERT_EQ(owner.ask("put smaller 7"), "ok");
    ASSERT_EQ(owner.ask("publish_now smaller name"), "ok");
    EXPECT_EQ(one.ask("get a name host"), "ok");
    EXPECT_EQ(one.ask("see a 7"), "right");
    EXPECT_EQ(one.ask("calls cudaIpcOpenMemHandle"), "3") << "the first, one that was refused, and one more";
    EXPECT_EQ(one.ask("calls cudaIpcCloseMemHandle"), "2");
}

TEST_F(BadGpu, WithoutStreamMemoryOperationsOrdersByWaitingOnTheHost) {
    const Machine machine{{"FASTIO_EMU_STREAM_MEMORY_OPERATIONS", "0"}};
    ServiceProcess service({}, machine);
    StreamOperator producer(service.socket(), "cuda:0", machine);
    StreamOperator consumer(service.socket(), "cuda:0", machine);
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("write a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");
    EXPECT_EQ(producer.ask("stats"), "synchronise 1");
    ASSERT_EQ(consumer.ask("get a name"), "ok");
    ASSERT_EQ(consumer.ask("read a"), "ok");
    EXPECT_EQ(consumer.ask("verify a 7"), "right");
    EXPECT_EQ(consumer.ask("release a"), "ok");
    EXPECT_EQ(producer.ask("free a"), "ok");
    Service view = service.view();
    while (view.totals().allocations != 0) {
    }
}

TEST_F(BadGpu, ThatHasAnotherNumberInAnotherProcessIsTheSame) {
    ServiceProcess service({"--device", "cuda:0", "--device", "cuda:1"});
    StreamOperator turned(service.socket(), "cuda:0", {{"CUDA_VISIBLE_DEVICES", "1,0"}});
    ASSERT_EQ(turned.ask("create a 100"), "ok");
    ASSERT_EQ(turned.ask("put a 7"), "ok");
    ASSERT_EQ(turned.ask("publish a name"), "ok");
    EXPECT_EQ(turned.ask("device a"), "cuda:0 cuda:0 cuda:0");
    EXPECT_EQ(service.view().allocations("job").at(0).device, "cuda:1") << "as the service counts";
    StreamOperator straight(service.socket(), "cuda:1");
    ASSERT_EQ(straight.ask("get a name"), "ok");
    EXPECT_EQ(straight.ask("see a 7"), "right");
    EXPECT_EQ(straight.ask("device a"), "cuda:1 cuda:1 cuda:1");
}

TEST_F(BadGpu, ThatCannotSayWhetherItIsDoneKeepsWhatItMayUse) {
    ServiceProcess service;
    StreamOperator one(service.socket());
    ASSERT_EQ(one.ask("create a 4096"), "ok");
    ASSERT_EQ(one.ask("hold"), "ok");
    ASSERT_EQ(one.ask("write a 7"), "ok");
    ASSERT_EQ(one.ask("refuse cudaDeviceSynchronize 900"), "ok");  // as while a stream is being captured
    ASSERT_EQ(one.ask("drop a"), "ok");
    while (one.ask("calls cudaDeviceSynchronize") < std::string("2")) {  // it is asked again
    }
    Service view = service.view();
    EXPECT_EQ(view.totals().allocations, 1U);
    ASSERT_EQ(one.ask("go"), "ok");
    while (view.totals().allocations != 0) {
    }
}

TEST_F(BadGpu, ThatCannotSayWhetherItIsDoneWhenItsContextEndsKeepsAllUntilItsProcessEnds) {
    ServiceProcess service;
    StreamOperator one(service.socket());
    ASSERT_EQ(one.ask("create a 4096"), "ok");
    ASSERT_EQ(one.ask("refuse_always cudaDeviceSynchronize 900"), "ok");
    ASSERT_EQ(one.ask("leave"), "ok");
    Service view = service.view();
    while (view.sessions().at(0).state != "quarantined") {
    }
    EXPECT_EQ(view.totals().allocations, 1U);
    one.process().kill();
    while (view.totals().allocations != 0) {
    }
}

TEST_F(BadGpu, WhoseLargeCopyFindsNoPinnedMemorySaysSoAndCopiesTheNext) {
    ServiceProcess service;
    StreamOperator one(service.socket());
    constexpr int kWords = 5 << 20;  // 40 MiB
    ASSERT_EQ(one.ask("create a " + std::to_string(kWords)), "ok");
    ASSERT_EQ(one.ask("refuse cudaHostAlloc 2"), "ok");
    const std::string answer = one.ask("put a 7");
    EXPECT_TRUE(answer.starts_with("error out_of_memory: ")) << answer;
    EXPECT_TRUE(contains(answer, "pinned host memory")) << answer;
    ASSERT_EQ(one.ask("put a 8"), "ok");
    EXPECT_EQ(one.ask("see a 8"), "right");
}

TEST_F(BadGpu, WhoseContentsAreStagedIsWaitedForOnTheHost) {
    ServiceProcess service;
    StreamOperator producer(service.socket());
    StreamOperator consumer(service.socket(), "cuda:0", {{"FASTIO_FORCE_STAGING", "1"}});
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("hold"), "ok");
    ASSERT_EQ(producer.ask("write a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");
    consumer.say("get a name");
    ASSERT_EQ(producer.ask("go"), "ok");
    ASSERT_EQ(consumer.hear(), "ok");
    EXPECT_EQ(consumer.ask("see a 7"), "right");
}

TEST_F(BadGpu, WhoseCopiesFromPageableMemoryAreLateIsWaitedFor) {
    const Machine machine{{"FASTIO_EMU_LATE_PAGEABLE_COPIES", "1"}, {"FASTIO_EMU_DELAY_US", "20000"}};
    ServiceProcess service;
    StreamOperator producer(service.socket(), "cuda:0", machine);
    StreamOperator consumer(service.socket());
    ASSERT_EQ(producer.ask("create a 4096"), "ok");
    ASSERT_EQ(producer.ask("put a 7"), "ok");
    ASSERT_EQ(producer.ask("publish a name"), "ok");  // behind a stream that knows nothing of the copy
    ASSERT_EQ(consumer.ask("get a name"), "ok");
    EXPECT_EQ(consumer.ask("see a 7"), "right");
}

}  // namespace
}  // namespace fastio::test
