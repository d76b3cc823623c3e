// Events, within a process and between processes: rules 52 to 58.
#include <thread>

#include "fixture.hpp"

namespace fastio::test {
namespace {

constexpr unsigned kShared = cudaEventInterprocess | cudaEventDisableTiming;

class Events : public EmulatorTest {
protected:
    [[nodiscard]] static std::string exported_event(cudaEvent_t event) {
        cudaIpcEventHandle_t handle{};
        EXPECT_EQ(cudaIpcGetEventHandle(&handle, event), cudaSuccess);
        return to_text(handle);
    }
};

TEST_F(Events, NotRecordedCountAsComplete) {
    const Event event;
    const Stream stream;
    EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
    EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(stream, event, 0), cudaSuccess);
    EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST_F(Events, RecordedAgainAreAwaitedAsTheyWereAtTheCall) {
    set("FASTIO_EMU_DELAY_US", "60000000", "100");
    const DeviceBuffer buffer(16);
    buffer.fill(0);
    const Stream producer;
    const Stream consumer;
    const Event event;
    ASSERT_EQ(cudaEventRecord(event, producer), cudaSuccess);
    ASSERT_EQ(cudaStreamWaitEvent(consumer, event, 0), cudaSuccess);
    ASSERT_EQ(cudaMemsetAsync(buffer.data(), 1, 16, producer), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(event, producer), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(consumer), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 0);
    EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
    EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
    EXPECT_EQ(buffer.at(0), 1);
}

TEST_F(Events, MeasureTimeUnlessToldNotTo) {
    const Event first(cudaEventDefault);
    const Event last(cudaEventDefault);
    const Event untimed;
    float milliseconds = -1;
    EXPECT_EQ(cudaEventElapsedTime(&milliseconds, first, last), cudaErrorInvalidResourceHandle);
    ASSERT_EQ(cudaEventRecord(first, nullptr), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(last, nullptr), cudaSuccess);
    ASSERT_EQ(cudaEventRecord(untimed, nullptr), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaEventElapsedTime(&milliseconds, first, last), cudaSuccess);
    EXPECT_GE(milliseconds, 0);
    EXPECT_EQ(cudaEventElapsedTime(&milliseconds, first, untimed), cudaErrorInvalidResourceHandle);
}

TEST_F(Events, BetweenProcessesNeedBothFlags) {
    cudaEvent_t event = nullptr;
    EXPECT_EQ(cudaEventCreateWithFlags(&event, cudaEventInterprocess), cudaErrorInvalidValue);
    EXPECT_EQ(cudaEventCreateWithFlags(&event, 0x80), cudaErrorInvalidValue);
    const Event plain;
    cudaIpcEventHandle_t handle{};
    EXPECT_EQ(cudaIpcGetEventHandle(&handle, plain), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaIpcGetEventHandle(&handle, nullptr), cudaErrorInvalidValue);
    EXPECT_EQ(cudaIpcOpenEventHandle(&event, {}), cudaErrorInvalidValue);
}

TEST_F(Events, OfThisProcessAreNotOpened) {
    const Event shared(kShared);
    cudaEvent_t opened = nullptr;
    EXPECT_EQ(cudaIpcOpenEventHandle(&opened, event_handle(exported_event(shared))), cudaErrorDeviceUninitialized);
}

TEST_F(Events, OrderProcesses) {
    Peer producer = Peer::with({{"FASTIO_EMU_DELAY_US", "60000000"}});
    ASSERT_EQ(producer.code("malloc a 4096"), 0);
    ASSERT_EQ(producer.code("fill a 0 4096"), 0);
    ASSERT_EQ(producer.code("make-event e " + std::to_string(kShared)), 0);
    void* data = nullptr;
    cudaEvent_t event = nullptr;
    ASSERT_EQ(cudaIpcOpenMemHandle(&data, memory_handle(success(producer.ask("export a"))), 1), cudaSuccess);
    ASSERT_EQ(cudaIpcOpenEventHandle(&event, event_handle(success(producer.ask("export-event e")))), cudaSuccess);
    EXPECT_EQ(cudaEventQuery(event), cudaSuccess) << "not recorded yet";

    ASSERT_EQ(producer.code("pattern a 4096 3 1"), 0);
    ASSERT_EQ(producer.code("record-event e"), 0);
    EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
    const Stream consumer;
    const DeviceBuffer copy(8);
    ASSERT_EQ(cudaStreamWaitEvent(consumer, event, 0), cudaSuccess);
    ASSERT_EQ(cudaMemcpyAsync(copy.data(), data, 8, cudaMemcpyDeviceToDevice, consumer), cudaSuccess);
    ASSERT_EQ(producer.code("synchronise-stream"), 0);
    ASSERT_EQ(cudaStreamSynchronize(consumer), cudaSuccess);
    std::uint64_t word = 0;
    ASSERT_EQ(cudaMemcpy(&word, copy.data(), 8, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(word, cudart_emulator::pattern_word(3, 0));
    EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
    EXPECT_EQ(cudaIpcCloseMemHandle(data), cudaSuccess);
}

TEST_F(Events, OfADeadProcessAreNeverCompleted) {
    Peer consumer;
    {
        Peer producer = Peer::with({{"FASTIO_EMU_DELAY_US", "60000000"}});
        ASSERT_EQ(producer.code("make-event e " + std::to_string(kShared)), 0);
        ASSERT_EQ(consumer.code("open-event e " + success(producer.ask("export-event e"))), 0);
        ASSERT_EQ(producer.code("record-event e"), 0);
        ASSERT_EQ(consumer.code("wait-event e"), 0);
        producer.process().kill();
    }
    ASSERT_EQ(consumer.code("memory"), 0) << "reaps the dead";
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(consumer.code("query-stream"), cudaErrorNotReady);
    }
}

TEST_F(Events, OfADeadProcessStayAsTheyWereWhoeverReapsIt) {
    cudaEvent_t recorded = nullptr;
    cudaEvent_t unused = nullptr;
    std::string handle;
    {
        Peer producer = Peer::with({{"FASTIO_EMU_DELAY_US", "60000000"}});
        ASSERT_EQ(producer.code("make-event e " + std::to_string(kShared)), 0);
        ASSERT_EQ(producer.code("make-event f " + std::to_string(kShared)), 0);
        handle = success(producer.ask("export-event e"));
        ASSERT_EQ(cudaIpcOpenEventHandle(&recorded, event_handle(handle)), cudaSuccess);
        ASSERT_EQ(cudaIpcOpenEventHandle(&unused, event_handle(success(producer.ask("export-event f")))), cudaSuccess);
        ASSERT_EQ(producer.code("record-event e"), 0);
        producer.process().kill();
    }
    for (const char* const when : {"before anybody looked", "after it was reaped"}) {
        EXPECT_EQ(cudaEventQuery(recorded), cudaErrorNotReady) << when;
        EXPECT_EQ(cudaEventQuery(unused), cudaSuccess) << when;
        cudaEvent_t again = nullptr;
        EXPECT_EQ(cudaIpcOpenEventHandle(&again, event_handle(handle)), cudaErrorInvalidValue) << when;
        const DeviceBuffer reaps(kBlock);
    }
}

TEST_F(Events, ThatWereDestroyedAreNotOpened) {
    Peer producer;
    ASSERT_EQ(producer.code("make-event e " + std::to_string(kShared)), 0);
    const std::string handle = success(producer.ask("export-event e"));
    ASSERT_EQ(producer.code("destroy-event e"), 0);
    cudaEvent_t event = nullptr;
    EXPECT_EQ(cudaIpcOpenEventHandle(&event, event_handle(handle)), cudaErrorInvalidValue);
}

TEST_F(Events, BetweenProcessesAreLimited) {
    set("FASTIO_EMU_MAX_EVENTS", "2", "2000");
    const Event first(kShared);
    {
        const Event second(kShared);
        cudaEvent_t third = nullptr;
        EXPECT_EQ(cudaEventCreateWithFlags(&third, kShared), cudaErrorMemoryAllocation);
    }
    const Event again(kShared);
}

TEST_F(Events, ThatAreNoneAreRefused) {
    EXPECT_EQ(cudaEventRecord(nullptr, nullptr), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaEventQuery(nullptr), cudaErrorInvalidResourceHandle);
    EXPECT_EQ(cudaEventDestroy(nullptr), cudaErrorInvalidResourceHandle);
}

}  // namespace
}  // namespace fastio::test
