// fastiod --debug-memory: freed memory holds a pattern, and is not used again for a while.
#include <algorithm>

#include "running_service.hpp"
#include "service/slab_pool.hpp"
#include "support/test_devices.hpp"
#include "tcp_client.hpp"

namespace fastio::test {
namespace {

class DebugMemory : public ServiceTest {
protected:
    DebugMemory() { device = std::make_shared<FaultyMemory>(make_test_device(FASTIO_TEST_DEVICE)); }

    /// The bytes of an allocation, used or freed, as any member with the slab mapped sees them.
    std::vector<std::byte> bytes_of(RawClient& client, const wire::CreateReply& allocation) {
        wire::Slab ask{};
        ask.index = allocation.slab;
        ask.generation = allocation.slab_generation;
        const auto reply = client.ask<wire::SlabReply>(ask);
        auto* const slab =
            static_cast<std::byte*>(device->open(reply.handle, reply.bytes, client.packet.descriptors[0].get()));
        std::vector<std::byte> copy(allocation.capacity);
        device->copy(copy.data(), slab + allocation.offset, copy.size(), {});
        device->close(slab, reply.bytes);
        return copy;
    }
    static bool is_freed(const std::vector<std::byte>& bytes) {
        return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == service::kFreedByte; });
    }
    std::string metric(const std::string& name) const {
        const std::string body = ask_http(running->metrics_address(), "GET", "/metrics").body;
        const std::size_t at = body.find("\nfastio_device_" + name + "{device=\"" + device->info().name + "\"} ");
        const std::size_t value = body.find("} ", at) + 2;
        return at == std::string::npos ? "none" : body.substr(value, body.find('\n', value) - value);
    }
};

TEST_F(DebugMemory, AUseAfterFreeReadsThePattern) {
    options.debug_memory = kMiB;
    const auto client = member();
    const auto gone = client->create(5000);
    EXPECT_FALSE(is_freed(bytes_of(*client, gone)));
    client->free(gone, wire::kNoLease);
    EXPECT_TRUE(is_freed(bytes_of(*client, gone)));
}

TEST_F(DebugMemory, IsOffUnlessAskedFor) {
    const auto client = member();
    const auto gone = client->create(5000);
    client->free(gone, wire::kNoLease);
    EXPECT_FALSE(is_freed(bytes_of(*client, gone)));
    EXPECT_EQ(client->create(5000).offset, gone.offset);
}

TEST_F(DebugMemory, HoldsFreedBlocksBackFirstInFirstOutUpToItsBound) {
    options.debug_memory = 3 * 1024;
    options.metrics = "127.0.0.1:0";
    const auto client = member();
    std::vector<wire::CreateReply> gone;
    for (int i = 0; i < 4; ++i) {
        gone.push_back(client->create(1024));
    }
    for (int i = 0; i < 3; ++i) {
        client->free(gone[static_cast<std::size_t>(i)], wire::kNoLease);
    }
    EXPECT_EQ(metric("held_back_bytes"), "3072");
    EXPECT_EQ(metric("in_use_bytes"), "1024");
    EXPECT_GT(client->create(1024).offset, gone[3].offset) << "nothing that is held back is used";
    client->free(gone[3], wire::kNoLease);
    EXPECT_EQ(metric("held_back_bytes"), "3072");
    client->stats();  // gives back what nobody holds any more, also where the scan for that was put off
    EXPECT_EQ(client->create(1024).offset, gone[0].offset) << "the first that was freed is the first to be used again";
}

TEST_F(DebugMemory, IsNeverTheReasonForARefusal) {
    options.debug_memory = 64 * kMiB;
    options.pool_max = 4 * kMiB;
    const auto client = member();
    const auto other = member("other");
    for (int round = 0; round < 3; ++round) {
        for (const std::uint64_t size : {2 * kMiB, kMiB, 2 * kMiB}) {
            client->free(client->create(size), wire::kNoLease);
        }
    }
    other->free(other->create(2 * kMiB), wire::kNoLease);
    EXPECT_EQ(client->stats().bytes_in_use, 0U);
}

TEST_F(DebugMemory, GoesWithItsContext) {
    options.debug_memory = kMiB;
    auto client = member();
    client->free(client->create(5000), wire::kNoLease);
    client->bye();
    client.reset();
    wait_for_totals([](const wire::TotalsReply& now) { return now.bytes_reserved == 0; });
}

}  // namespace
}  // namespace fastio::test
