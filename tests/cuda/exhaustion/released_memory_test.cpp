// What was released on a GPU counts until the GPU is done with it; where room is short, that is waited for.
#include <gtest/gtest.h>

#include <vector>

#include <fastio/fastio.hpp>

#include "cuda/device/gate.hpp"
#include "running_service.hpp"
#include "support/errors.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// Released memory comes back late here: its stream has work that takes longer than a request to the service.
class ReleasedMemory : public ::testing::Test {
protected:
    static service::Options limits() {
        service::Options options;
        options.pool_max = 4 * kMiB;
        options.max_allocations = 3;
        options.max_leases = 512;
        return options;
    }
    void queue_work(void* memory, std::uint64_t bytes) {
        for (int i = 0; i < 200; ++i) {
            ASSERT_EQ(cudaMemsetAsync(memory, i, bytes, stream_.get()), cudaSuccess);
        }
    }

    RunningService service_{limits(), make_test_device("cuda")};
    Context ctx_{{.job = "job", .socket = service_.socket()}};
    TestStream stream_;
};

TEST_F(ReleasedMemory, MakesRoomInTheNextCreate) {
    for (int round = 0; round < 20; ++round) {
        Allocation most = ctx_.create(3 * kMiB);
        queue_work(most.data(), most.size());
        most.release();
    }
}

TEST_F(ReleasedMemory, MakesRoomInTheNextCreateWhereAStreamReleasesIt) {
    for (int round = 0; round < 20; ++round) {
        Allocation most = ctx_.create(3 * kMiB);
        queue_work(most.data(), most.size());
        most.release(stream_.get());
    }
}

TEST_F(ReleasedMemory, ThatIsSaidToBeCompletedIsBackWhileOtherWorkGoesOn) {
    Gate gate;
    TestStream busy;
    Allocation most = ctx_.create(3 * kMiB);
    most.publish("most");
    Allocation got = ctx_.get("most");
    gate.hold(busy.get());  // from here on who waits for the device waits for ever
    ASSERT_EQ(cudaMemsetAsync(most.data(), 1, 8, stream_.get()), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream_.get()), cudaSuccess);
    most.release(completed);
    EXPECT_FALSE(most);
    ctx_.unpublish("most");
    got.check();
    got.release(completed);
    EXPECT_TRUE(ctx_.create(3 * kMiB));
    gate.open();
}

TEST_F(ReleasedMemory, MakesRoomInTheTable) {
    for (int round = 0; round < 20; ++round) {
        std::vector<Allocation> all;
        for (int i = 0; i < 3; ++i) {
            all.push_back(ctx_.create(8));
            queue_work(all.back().data(), 8);
        }
    }
}

TEST_F(ReleasedMemory, MakesRoomAmongTheLeases) {
    const std::uint8_t one = 1;
    ctx_.publish_array({.data = &one, .type = uint8, .dimensions = {1}}, "a");
    std::vector<Allocation> all;
    while (all.size() < 512) {
        all.push_back(ctx_.get("a"));
    }
    for (int round = 0; round < 20; ++round) {
        queue_work(all.back().data(), 1);
        round % 2 == 0 ? all.back().release() : all.back().release(stream_.get());
        all.back() = ctx_.get("a");
    }
}

TEST_F(ReleasedMemory, IsWaitedForNoLongerThanACreateIsToldTo) {
    Gate gate;
    Allocation most = ctx_.create(3 * kMiB);
    gate.hold(stream_.get());
    queue_work(most.data(), 8);
    most.release(stream_.get());
    EXPECT_EQ(errc_of([&] { static_cast<void>(ctx_.create(3 * kMiB, {.timeout = std::chrono::milliseconds(2)})); }),
              Errc::out_of_memory);
    gate.open();
    EXPECT_TRUE(ctx_.create(3 * kMiB, {.timeout = forever}));  // nobody tells: the stream clears the lease
}

TEST_F(ReleasedMemory, IsNotWaitedForWhereThereIsRoom) {
    Gate gate;
    gate.hold(stream_.get());
    Allocation first = ctx_.create(kMiB);
    queue_work(first.data(), kMiB);
    first.release(stream_.get());
    EXPECT_TRUE(ctx_.create(kMiB));  // would wait for ever
    gate.open();
}

TEST_F(ReleasedMemory, ThatIsHeldAllTheSameIsARefusal) {
    Allocation most = ctx_.create(3 * kMiB);
    ctx_.create(kMiB / 2).release();
    try {
        static_cast<void>(ctx_.create(3 * kMiB));
        FAIL() << "there is no such room";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::out_of_memory);
    }
}

}  // namespace
}  // namespace fastio::test
