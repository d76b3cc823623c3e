// The N-th allocation fails, or no thread can be made, while a copy asks for threads: it does with fewer.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "device/large_copy.hpp"
#include "forked.hpp"
#include "seam.hpp"
#include "shared_plan.hpp"

namespace fastio::test {
namespace {

TEST(NthFailureOfALargeCopy, LeavesTheCopyToFewerThreads) {
    const SharedPlan plan;
    Forked child([&] {
        obey(*plan, Role::client);
        const std::vector<char> from(std::size_t{1} << 20U, 'x');
        for (const FaultKind kind : {FaultKind::allocation, FaultKind::memory}) {
            for (const bool for_ever : {false, true}) {
                std::uint64_t nth = 0;
                do {
                    std::vector<char> to(from.size());
                    plan->arm(Role::client, kind, ++nth, for_ever);
                    copy_memory_by(4, to.data(), from.data(), from.size());
                    plan->disarm();
                    if (to != from) {
                        return "wrong bytes after fault " + std::to_string(nth);
                    }
                } while (plan->faults != 0);
                if (nth == 1) {
                    return std::string("nothing failed");
                }
            }
        }
        return std::string("done");
    });
    EXPECT_EQ(child.wait(), "done");
}

}  // namespace
}  // namespace fastio::test
