#include "running_service.hpp"

namespace fastio::test {
namespace {

class LostDeviceTest : public ServiceTest {
protected:
    static wire::Create create_of(std::uint64_t size) {
        wire::Create create{};
        create.size = size;
        return create;
    }
    /// Has the service ask the device, which then says that it is lost.
    void lose_device(RawClient& client) {
        faults().lose();
        EXPECT_EQ(client.refused(create_of(50 * kMiB)), Errc::device_unavailable);
    }
};

TEST_F(LostDeviceTest, EndsItsContextsAndSaysWhy) {
    const auto first = member("a");
    const auto second = member("b");
    first->create(1);
    second->create(1);
    lose_device(*first);
    for (RawClient* const client : {first.get(), second.get()}) {
        EXPECT_EQ(client->event<wire::ContextEnded>().reason, static_cast<std::int32_t>(Errc::device_unavailable));
        EXPECT_EQ(client->table->context_state(), table::ContextState::device_lost);
    }
}

TEST_F(LostDeviceTest, RefusesWhoJoinsOrCreatesLater) {
    const auto before = member("a");
    lose_device(*before);
    const auto later = visitor();
    wire::Join join{};
    wire::set_text(join.job, "b");
    wire::set_text(join.device, "host");
    EXPECT_EQ(later->refused(join), Errc::device_unavailable);
    EXPECT_EQ(before->refused(create_of(1)), Errc::device_unavailable);
}

TEST_F(LostDeviceTest, LeavesTheServiceAnsweringOthers) {
    const auto before = member("a");
    lose_device(*before);
    EXPECT_EQ(visitor()->totals().sessions, 1U);
}

}  // namespace
}  // namespace fastio::test
