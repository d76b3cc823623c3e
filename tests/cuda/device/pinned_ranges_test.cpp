// Words are pinned and unpinned while streams use others: a driver may make either wait for a stream.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "cuda/device/gate.hpp"
#include "cuda/device/pinned_words.hpp"
#include "support/cudart_emulator/cudart_emulator.hpp"
#include "support/errors.hpp"
#include "support/test_devices.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr const char* kRegister = "cudaHostRegister";
constexpr const char* kUnregister = "cudaHostUnregister";

class WordsBesidePinning : public testing::Test {
protected:
    void expect_signals() {
        memory_->signal(words_[0], 1, stream_.get());
        memory_->synchronise(stream_.get());
        EXPECT_EQ(words_[0].load(), 1U);
    }
    [[nodiscard]] std::uint64_t registered() const { return emulator_.calls(kRegister) - registered_before_; }

    Watchdog watchdog_{"words beside pinning"};
    const cudart_emulator::Api& emulator_ = *cudart_emulator::find();
    std::shared_ptr<DeviceMemory> memory_ = make_test_device("cuda");
    PinnedWords words_{*memory_};
    TestStream stream_;
    const std::uint64_t registered_before_ = emulator_.calls(kRegister);
};

TEST_F(WordsBesidePinning, AreWrittenWhileOthersArePinned) {
    emulator_.close_gate(kRegister);
    std::optional<PinnedWords> others;
    std::thread pinner([&] { others.emplace(*memory_); });
    emulator_.wait_at_gate(kRegister, 1);
    expect_signals();
    emulator_.open_gate(kRegister);
    pinner.join();
    memory_->signal((*others)[0], 1, stream_.get());
}

TEST_F(WordsBesidePinning, AreWrittenWhileOthersAreUnpinned) {
    std::optional<PinnedWords> others(std::in_place, *memory_);
    emulator_.close_gate(kUnregister);
    std::thread unpinner([&] { others.reset(); });
    emulator_.wait_at_gate(kUnregister, 1);
    expect_signals();
    emulator_.open_gate(kUnregister);
    unpinner.join();
}

TEST_F(WordsBesidePinning, ThatTwoPinAtOnceAreRegisteredOnce) {
    alignas(4096) static std::atomic<std::uint64_t> page[512];
    emulator_.close_gate(kRegister);
    const auto pin = [&] { memory_->pin(page, sizeof page); };
    std::thread first(pin);
    emulator_.wait_at_gate(kRegister, 1);
    std::thread second(pin);
    emulator_.open_gate(kRegister);
    first.join();
    second.join();
    EXPECT_EQ(registered(), 1U);
    memory_->unpin(page);
    memory_->signal(page[0], 1, stream_.get());
    memory_->synchronise(stream_.get());
    memory_->unpin(page);
    EXPECT_EQ(errc_of([&] { memory_->signal(page[0], 2, stream_.get()); }), Errc::invalid_argument);
}

TEST_F(WordsBesidePinning, ThatAreBeingUnpinnedArePinnedAfterwards) {
    alignas(4096) static std::atomic<std::uint64_t> page[512];
    memory_->pin(page, sizeof page);
    emulator_.close_gate(kUnregister);
    std::thread unpinner([&] { memory_->unpin(page); });
    emulator_.wait_at_gate(kUnregister, 1);
    EXPECT_EQ(errc_of([&] { memory_->signal(page[0], 1, stream_.get()); }), Errc::invalid_argument);
    std::thread pinner([&] { memory_->pin(page, sizeof page); });
    emulator_.open_gate(kUnregister);
    unpinner.join();
    pinner.join();
    EXPECT_EQ(registered(), 2U);
    memory_->signal(page[0], 1, stream_.get());
    memory_->synchronise(stream_.get());
    memory_->unpin(page);
}

TEST_F(WordsBesidePinning, ThatTwoPinAtOnceAreTriedByBothWhereCudaRefusesOne) {
    alignas(4096) static std::atomic<std::uint64_t> page[512];
    emulator_.fail_call(kRegister, cudaErrorMemoryAllocation, 1, 0);
    emulator_.close_gate(kRegister);
    std::thread refused([&] { EXPECT_EQ(errc_of([&] { memory_->pin(page, sizeof page); }), Errc::out_of_memory); });
    emulator_.wait_at_gate(kRegister, 1);
    std::thread second([&] { memory_->pin(page, sizeof page); });
    emulator_.open_gate(kRegister);
    refused.join();
    second.join();
    memory_->unpin(page);
}

}  // namespace
}  // namespace fastio::test
