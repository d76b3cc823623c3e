// No byte of one context is ever seen in another: whole slabs are looked at, tails included. On the host the kernel
// gives pages of zeros, so that only a slab that is used again could show one; on the emulated GPU also one that is not
// cleared.
#include <gtest/gtest.h>

#include <algorithm>

#include "exhaustion/slab_reader.hpp"
#include "process/service_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kSlab = std::uint64_t{2} << 20;
constexpr std::uint8_t kSecret = 0xa7;

/// The whole slab that an allocation lies in; its slab is of 2 MiB, and slabs begin at multiples of that.
std::vector<std::uint8_t> slab_of(const Allocation& allocation) {
    const auto address = reinterpret_cast<std::uintptr_t>(allocation.data());
    return read_device(reinterpret_cast<const void*>(address / kSlab * kSlab), kSlab);
}

void write_secret(Allocation& to) {
    const std::vector<std::uint8_t> secret(to.size(), kSecret);
    to.copy_from(secret.data(), secret.size());
}

std::ptrdiff_t secrets_in(const std::vector<std::uint8_t>& bytes) {
    return std::count(bytes.begin(), bytes.end(), kSecret);
}

class SlabHygiene : public testing::Test {
protected:
    Watchdog watchdog_{"slabs of two contexts"};
    ServiceProcess service_{{"--pool-max", "4M"}};
};

TEST_F(SlabHygiene, ALivingContextsBytesAreInNoOtherContextsSlab) {
    Context ours = service_.join("ours");
    Allocation all = ours.create(kSlab);
    write_secret(all);
    EXPECT_EQ(secrets_in(slab_of(all)), static_cast<std::ptrdiff_t>(kSlab)) << "the test sees what is there";
    Context theirs = service_.join("theirs");
    const Allocation small = theirs.create(1);
    EXPECT_EQ(secrets_in(slab_of(small)), 0);
}

TEST_F(SlabHygiene, AnEndedContextsBytesAreInNoLaterSlab) {
    for (const bool freed : {true, false}) {
        {
            Context ours = service_.join("ours");
            // The whole pool, so that what comes later has nowhere else to lie.
            for (int slab = 0; slab < 2; ++slab) {
                Allocation all = ours.create(kSlab);
                write_secret(all);
                all.publish("all " + std::to_string(slab));
                if (freed) {
                    all.free();
                }
            }
        }
        Context theirs = service_.join("theirs");
        const Allocation first = theirs.create(1);
        const Allocation second = theirs.create(kSlab);
        for (const Allocation* allocation : {&first, &second}) {
            const std::vector<std::uint8_t> slab = slab_of(*allocation);
            EXPECT_EQ(std::count(slab.begin(), slab.end(), 0), static_cast<std::ptrdiff_t>(kSlab));
        }
    }
}

TEST_F(SlabHygiene, FreedMemoryOfALivingContextStaysInItsOwnSlabs) {
    Context ours = service_.join("ours");
    Context theirs = service_.join("theirs");
    for (int round = 0; round < 8; ++round) {
        Allocation mine = ours.create(kSlab / 2);
        write_secret(mine);
        mine.release();
        const Allocation small = theirs.create(kSlab / 4);
        EXPECT_EQ(secrets_in(slab_of(small)), 0) << round;
    }
}

}  // namespace
}  // namespace fastio::test
