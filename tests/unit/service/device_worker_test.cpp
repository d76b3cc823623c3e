#include "service/device_worker.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/limits.hpp"
#include "device/host_memory.hpp"
#include "support/forwarding_memory.hpp"

namespace fastio::test {
namespace {

using service::DeviceWorker;

/// Notes what is improved, in steps of 2 MiB; each waits for its permission.
class ImprovableMemory final : public ForwardingMemory {
public:
    ImprovableMemory() : ForwardingMemory(make_host_memory()) {}

    OwnedSlab reserve(std::uint64_t bytes) override {
        OwnedSlab slab = ForwardingMemory::reserve(bytes);
        slab.improved = improved_already;
        return slab;
    }
    std::uint64_t improve(void* data, std::uint64_t bytes, std::uint64_t offset) noexcept override {
        std::unique_lock lock(mutex_);
        ++asked_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return permitted_ > 0; });
        --permitted_;
        improved_.emplace_back(data, offset);
        changed_.notify_all();
        return offset + std::min(kSlabGranularity, bytes);
    }
    void permit(int steps) {
        const std::lock_guard lock(mutex_);
        permitted_ += steps;
        changed_.notify_all();
    }
    void wait_until_asked(std::size_t times) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return asked_ >= times; });
    }
    [[nodiscard]] std::vector<std::pair<void*, std::uint64_t>> first_steps(std::size_t steps) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return improved_.size() >= steps; });
        return improved_;
    }

    std::uint64_t improved_already = 0;  ///< of each slab

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int permitted_ = 0;
    std::size_t asked_ = 0;
    std::vector<std::pair<void*, std::uint64_t>> improved_;
};

class DeviceWorkerTest : public ::testing::Test {
protected:
    /// The next that is done.
    DeviceWorker::Done next() {
        while (done_.empty()) {
            pollfd wake{wake_.get(), POLLIN, 0};
            ::poll(&wake, 1, -1);
            wake_.clear();
            done_.splice(done_.end(), worker_.take_done());
        }
        DeviceWorker::Done one = std::move(done_.front());
        done_.pop_front();
        return one;
    }
    OwnedSlab reserve(std::uint64_t bytes) {
        worker_.reserve(1, bytes);
        return next().slab;
    }

    std::shared_ptr<ImprovableMemory> memory_ = std::make_shared<ImprovableMemory>();
    EventFd wake_{};
    std::list<DeviceWorker::Done> done_;
    DeviceWorker worker_{memory_, wake_};
};

TEST_F(DeviceWorkerTest, ImprovesWhatItReservedWhenItHasTime) {
    OwnedSlab first = reserve(2 * kSlabGranularity);
    memory_->permit(3);
    OwnedSlab second = reserve(kSlabGranularity);
    const auto improved = memory_->first_steps(3);
    EXPECT_EQ(improved[0], std::pair(first.data, std::uint64_t{0}));
    EXPECT_EQ(improved[1], std::pair(first.data, kSlabGranularity));
    EXPECT_EQ(improved[2], std::pair(second.data, std::uint64_t{0}));
    worker_.release(1, std::move(first));
    worker_.release(1, std::move(second));
    EXPECT_FALSE(next().error);
    EXPECT_FALSE(next().error);
}

TEST_F(DeviceWorkerTest, ImprovesNothingThatItGaveBackAndDoesWhatIsAskedFirst) {
    OwnedSlab first = reserve(3 * kSlabGranularity);
    memory_->wait_until_asked(1);
    worker_.release(1, std::move(first));
    worker_.reserve(1, kSlabGranularity);
    memory_->permit(1);  // the step that was begun
    EXPECT_EQ(next().what, DeviceWorker::What::release);
    DeviceWorker::Done reserved = next();
    EXPECT_EQ(reserved.what, DeviceWorker::What::reserve);
    memory_->permit(1);
    const auto improved = memory_->first_steps(2);
    EXPECT_EQ(improved[1], std::pair(reserved.slab.data, std::uint64_t{0}));
    worker_.release(1, std::move(reserved.slab));
    EXPECT_EQ(next().what, DeviceWorker::What::release);
    EXPECT_EQ(memory_->first_steps(0).size(), 2U);
}

TEST_F(DeviceWorkerTest, ImprovesOnlyWhatTheReservationLeft) {
    memory_->permit(1);
    memory_->improved_already = kSlabGranularity;
    OwnedSlab whole = reserve(kSlabGranularity);
    OwnedSlab half = reserve(2 * kSlabGranularity);
    EXPECT_EQ(memory_->first_steps(1).front(), std::pair(half.data, kSlabGranularity));
    worker_.release(1, std::move(whole));
    worker_.release(1, std::move(half));
    EXPECT_FALSE(next().error);
    EXPECT_FALSE(next().error);
}

TEST_F(DeviceWorkerTest, EndsInTheMiddleOfThat) {
    worker_.reserve(1, 100 * kSlabGranularity);
    memory_->wait_until_asked(1);
    memory_->permit(100);  // it need not use them all
}

}  // namespace
}  // namespace fastio::test
