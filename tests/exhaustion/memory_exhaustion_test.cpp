// The pool, the table and the leases run out: one message for each cause, with its numbers, and afterwards all goes on.
#include "client_fixture.hpp"
#include "messages.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// With the device that this is compiled for.
class FullService : public RunningService {
public:
    explicit FullService(service::Options options)
        : RunningService(std::move(options), make_test_device(FASTIO_TEST_DEVICE)) {}
};

std::string contents_of(const Allocation& allocation) {
    std::string contents(allocation.size(), '\0');
    allocation.copy_to(contents.data(), contents.size());
    return contents;
}

Context join(const RunningService& service, const std::string& job = "job") {
    return Context({.job = job, .socket = service.socket(), .connect_timeout = forever});
}

TEST(PoolExhaustion, AFullPoolIsNamedAndServesAgainOnceThereIsRoom) {
    FullService service({.pool_max = 2 * kMiB});
    Context ctx = join(service);
    Context other = join(service, "other");
    Allocation most = ctx.create(kMiB + kMiB / 2);
    const std::string why = message_of(Errc::out_of_memory, [&] { static_cast<void>(ctx.create(kMiB)); });
    expect_in(why, {"create of 1048576 bytes", "the pool is full", "524288 bytes free", "the largest block 524288",
                    "of the pool's 2097152 bytes 0 are left for slabs", "--pool-max"});
    expect_in(message_of(Errc::out_of_memory, [&] { static_cast<void>(other.create(1)); }),
              {"the pool is full", "in 'other'", "have 0 bytes free"});
    most.release();
    EXPECT_TRUE(ctx.create(kMiB));
}

TEST(PoolExhaustion, AFragmentedPoolIsNamedAndServesAgainOnceNeighboursAreFree) {
    FullService service({.pool_max = 2 * kMiB});
    Context ctx = join(service);
    std::vector<Allocation> blocks;
    for (int i = 0; i < 8; ++i) {
        blocks.push_back(ctx.create(kMiB / 4));
    }
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
        blocks[i].release();
    }
    const std::string why = message_of(Errc::out_of_memory, [&] { static_cast<void>(ctx.create(kMiB / 2)); });
    expect_in(why, {"create of 524288 bytes", "the memory is fragmented", "1048576 bytes free",
                    "the largest block 262144", "of the pool's 2097152 bytes 0 are left"});
    EXPECT_TRUE(ctx.create(kMiB / 4)) << "what fits is still served";
    blocks[1].release();
    EXPECT_TRUE(ctx.create(kMiB / 2));
}

TEST(PoolExhaustion, ARequestLargerThanThePoolIsNamed) {
    FullService service({.pool_max = 2 * kMiB});
    Context ctx = join(service);
    expect_in(message_of(Errc::out_of_memory, [&] { static_cast<void>(ctx.create(3 * kMiB)); }),
              {"create of 3145728 bytes", "the whole pool of the device has 2097152 bytes"});
    EXPECT_TRUE(ctx.create(2 * kMiB));
}

TEST(TableExhaustion, AFullTableIsNamedAndServesAgainOnceThereIsRoom) {
    FullService service({.max_allocations = 4});
    Context ctx = join(service);
    std::vector<Allocation> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(ctx.create(8));
    }
    expect_in(message_of(Errc::table_full, [&] { static_cast<void>(ctx.create(8)); }),
              {"could not add an allocation of 8 bytes", "the context has 4 and may have 4"});
    EXPECT_EQ(ctx.stats().bytes_in_use, 4 * 256U) << "the block of the refused one is back";
    all.pop_back();
    EXPECT_TRUE(ctx.create(8));
}

TEST(LeaseExhaustion, AClientWithAllItsLeasesIsToldAndServedAgainOnceOneIsFree) {
    FullService service({.max_leases = 512});
    Context ctx = join(service);
    Context other = join(service);
    publish_text(ctx, "a", "text");
    std::vector<Allocation> leases;
    while (leases.size() < 512) {
        leases.push_back(ctx.get("a"));
    }
    expect_in(message_of(Errc::lease_limit, [&] { static_cast<void>(ctx.get("a")); }),
              {"512 leases", "as many as it may", "--max-leases"});
    EXPECT_EQ(contents_of(other.get("a")), "text") << "another client has leases of its own";
    leases.pop_back();
    EXPECT_EQ(contents_of(ctx.get("a")), "text");
}

}  // namespace
}  // namespace fastio::test
