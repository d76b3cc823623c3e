// The system has no pages or no threads to give: an error at the call that asks, and everything works once there is.
#include <sys/stat.h>

#include <cerrno>

#include "client_fixture.hpp"
#include "device/host_memory.hpp"
#include "messages.hpp"
#include "refused_calls.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string refusal(Context& context, std::uint64_t bytes, Errc expected) {
    return message_of(expected, [&] { static_cast<void>(context.create(bytes)); });
}

Context join(const RunningService& service, const std::string& job = "job") {
    return Context({.job = job, .socket = service.socket(), .connect_timeout = forever});
}

TEST(PageExhaustion, EveryPageOfASlabIsReservedWhenItIsMade) {
    const auto memory = make_host_memory();
    for (const std::uint64_t bytes : {2 * kMiB, 66 * kMiB}) {
        OwnedSlab slab = memory->reserve(bytes);
        struct stat status {};
        ASSERT_EQ(::fstat(slab.file.get(), &status), 0);
        EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks) * 512, bytes);
        memory->release(std::move(slab));
    }
}

TEST(PageExhaustion, IsOutOfMemoryAtCreateAndOverOnceThereIsRoom) {
    RunningService service;
    Context ctx = join(service);
    for (const int error : {ENOSPC, ENOMEM}) {
        const RefusedCalls full({.fallocate = error});
        const std::string why = refusal(ctx, 3 * kMiB, Errc::out_of_memory);
        expect_in(why, {"could not reserve 4194304 bytes", "after 0 of them"});
        EXPECT_EQ(ctx.stats().bytes_reserved, 0U);
    }
    EXPECT_EQ(ctx.create(3 * kMiB).size(), 3 * kMiB);
}

TEST(PageExhaustion, OfATableSegmentLeavesTheContextAsItWas) {
    RunningService service;
    Context ctx = join(service);
    std::vector<Allocation> all;
    all.push_back(ctx.create(2 * kMiB - 256 * 1024));  // most of a slab; the rest are of 256 bytes each
    for (int i = 1; i < 900; ++i) {
        all.push_back(ctx.create(1));
    }
    while (ctx.stats().allocations < 4096) {  // the first segment's records
        all.push_back(ctx.create(1));
    }
    std::string why;
    {
        const RefusedCalls full({.fallocate = ENOSPC});
        why = refusal(ctx, 1, Errc::out_of_memory);
    }
    expect_in(why, {"could not reserve 262144 bytes", "after 0 of them"});
    EXPECT_EQ(ctx.stats().allocations, 4096U);
    EXPECT_TRUE(ctx.create(1));
}

TEST(PageExhaustion, RefusesAJoinAndDisturbsNoMember) {
    RunningService service;
    Context ctx = join(service);
    publish_text(ctx, "a", "text");
    {
        const RefusedCalls full({.fallocate = ENOSPC});
        expect_in(message_of(Errc::out_of_memory, [&] { static_cast<void>(join(service, "other")); }),
                  {"could not reserve 4096 bytes", "after 0 of them"});
        EXPECT_EQ(text_of(ctx.get("a")), "text");
    }
    Context other = join(service, "other");
    EXPECT_EQ(other.stats().members, 1U);
}

TEST(ThreadExhaustion, InTheServiceIsAnErrorOfTheCreateThatNeedsOne) {
    RunningService service;
    Context ctx = join(service);
    {
        const RefusedCalls none({.pthread_create = EAGAIN});
        const std::string why = refusal(ctx, kMiB, Errc::io_error);
        expect_in(why, {"could not start the service's thread that asks host for memory",
                        "threads and processes of this user (ulimit -u)"});
    }
    EXPECT_EQ(ctx.create(kMiB).size(), kMiB);
}

TEST(ThreadExhaustion, InTheClientIsAnErrorOfTheJoin) {
    RunningService service;
    Context first = join(service);
    {
        const RefusedCalls none({.pthread_create = EAGAIN});
        expect_in(message_of(Errc::io_error, [&] { static_cast<void>(join(service)); }),
                  {"could not start the client's helper thread", "threads and processes of this user (ulimit -u)"});
    }
    const Context second = join(service);
    while (first.stats().members != 2) {  // the one that failed has gone without a trace
    }
}

}  // namespace
}  // namespace fastio::test
