// Growth without the service's loop: what it asks for, and when it wants to be called again.
#include <gtest/gtest.h>

#include "fuzz/service_parts.hpp"
#include "support/pipe.hpp"
#include "table/layout.hpp"

namespace fastio::test {
namespace {

using Client = fuzz::ServiceParts::Client;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

class GrowthPartsTest : public ::testing::Test {
protected:
    static service::Options options() {
        service::Options options;
        options.pool_max = 8 * kMebibyte;
        options.closing_patience = std::chrono::hours(1);
        return options;
    }
    template <class Message>
    static wire::Packet packet_of(Message message) {
        wire::Socket::complete(message);
        wire::Packet packet;
        packet.bytes = sizeof(message);
        std::memcpy(packet.data.data(), &message, sizeof(message));
        return packet;
    }
    template <class Message>
    void ask(Client& client, const Message& message) {
        wire::Packet packet = packet_of(message);
        parts.request(client, packet);
        fuzz::ServiceParts::read_all(client);  // who leaves replies unread is cut
    }
    std::unique_ptr<Client> member() {
        std::unique_ptr<Client> client = parts.connect();
        wire::Hello hello{};
        hello.layout_signature = table::layout_signature();
        std::ranges::copy(parts.registry.host.boot_id, hello.boot_id);
        ask(*client, hello);
        wire::Join join{};
        wire::set_text(join.job, "job");
        ask(*client, join);
        return client;
    }
    void create(Client& client, std::uint64_t size) {
        wire::Create create{};
        create.size = size;
        ask(client, create);
    }
    service::Context& context() { return *parts.registry.contexts.begin()->second; }

    fuzz::ServiceParts parts{options()};
};

TEST_F(GrowthPartsTest, DoesNotLookAgainAtWhatIsLateWhileASlabIsOnItsWay) {
    const std::unique_ptr<Client> client = member();
    create(*client, 2 * kMebibyte);
    parts.finish_device_work();
    wire::Free free{};
    free.slot = 0;
    free.generation = context().allocations().next(0)->ref.generation;
    ask(*client, free);
    create(*client, 8 * kMebibyte);
    ASSERT_EQ(context().waiting.size(), 1U);
    ASSERT_EQ(context().closing.size(), 1U);
    EXPECT_TRUE(context().patience) << "it does not wait for the empty slab for ever";

    const table::SlabRef closing = context().closing.front().ref;
    wire::SlabClosed closed{};
    closed.index = closing.index;
    closed.generation = closing.generation;
    parts.event(*client, packet_of(closed));
    wait_until_readable(parts.registry.wake.get());
    parts.growth.on_workers();
    ASSERT_TRUE(context().growing[0]);
    EXPECT_FALSE(context().patience) << "the end of the reserve is looked at, whenever that is";
    parts.finish_device_work();
    EXPECT_TRUE(context().waiting.empty());
    parts.end_all({&client, 1});
}

}  // namespace
}  // namespace fastio::test
