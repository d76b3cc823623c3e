#include <fastio/fastio.hpp>

#include "cuda/interface/thrust_in_fastio_memory.hpp"
#include "cuda/support/gpu.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

using ThrustOnGpu = GpuTest;

TEST_F(ThrustOnGpu, SharesAVectorsContentsByName) {
    const TempDir folder;
    Context context({.job = "thrust", .socket = folder.file("fastiod.sock"), .device = "cuda:0", .embedded = true});
    for (const std::int64_t count : {1, 1000, 3'000'000}) {
        const std::string name = "sequence-" + std::to_string(count);
        publish_sequence(context, name.c_str(), count);
        EXPECT_EQ(sum_of(context, name.c_str()), count * (count - 1) / 2);
        double_in_place(context, name.c_str());
        EXPECT_EQ(sum_of(context, name.c_str()), count * (count - 1));
    }
}

}  // namespace
}  // namespace fastio::test
