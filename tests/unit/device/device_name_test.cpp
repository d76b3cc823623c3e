#include "device/device_name.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"

namespace fastio::test {
namespace {

using Kind = DeviceName::Kind;

constexpr const char* kUuid = "GPU-0123abcd-4567-89ab-cdef-0123456789ab";
constexpr const char* kByUuid = "cuda:GPU-0123abcd-4567-89ab-cdef-0123456789ab";

TEST(DeviceName, ReadsEveryForm) {
    EXPECT_EQ(parse_device_name("auto"), (DeviceName{Kind::automatic}));
    EXPECT_EQ(parse_device_name("host"), (DeviceName{Kind::host}));
    EXPECT_EQ(parse_device_name("cuda:0"), (DeviceName{Kind::cuda_index, 0}));
    EXPECT_EQ(parse_device_name("cuda:17"), (DeviceName{Kind::cuda_index, 17}));
    EXPECT_EQ(parse_device_name(kByUuid), (DeviceName{Kind::cuda_uuid, 0, kUuid}));
}

TEST(DeviceName, NormalisesUuids) {
    const DeviceName expected{Kind::cuda_uuid, 0, kUuid};
    EXPECT_EQ(parse_device_name("cuda:0123ABCD-4567-89AB-CDEF-0123456789AB"), expected);
    EXPECT_EQ(parse_device_name("cuda:GPU-0123ABCD-4567-89ab-cdef-0123456789ab"), expected);
    EXPECT_EQ(parse_device_name("cuda:MIG-0123abcd-4567-89ab-cdef-0123456789ab").uuid,
              "MIG-0123abcd-4567-89ab-cdef-0123456789ab");
}

TEST(DeviceName, RefusesEverythingElse) {
    for (const char* text : {"",
                             "Auto",
                             "host:0",
                             "hosts",
                             "cuda",
                             "cuda:",
                             "cuda:-1",
                             "cuda:+1",
                             "cuda: 1",
                             "cuda:1 ",
                             "cuda:1x",
                             "cuda:0x1",
                             "cuda:99999999999",
                             "gpu:0",
                             "cuda:GPU-",
                             "cuda:0123abcd-4567-89ab-cdef-0123456789a",
                             "cuda:0123abcd-4567-89ab-cdef-0123456789abc",
                             "cuda:0123abcd_4567-89ab-cdef-0123456789ab",
                             "cuda:0123abcg-4567-89ab-cdef-0123456789ab",
                             "cuda:gpu-0123abcd-4567-89ab-cdef-0123456789ab"}) {
        EXPECT_EQ(errc_of([&] { (void)parse_device_name(text); }), Errc::invalid_argument) << "'" << text << "'";
    }
}

TEST(DeviceName, MatchesTheDeviceThatItNames) {
    DeviceInfo host;
    host.name = "host";
    DeviceInfo gpu;
    gpu.name = "cuda:1";
    gpu.uuid = kUuid;
    EXPECT_TRUE(matches(parse_device_name("auto"), host));
    EXPECT_TRUE(matches(parse_device_name("auto"), gpu));
    EXPECT_TRUE(matches(parse_device_name("host"), host));
    EXPECT_FALSE(matches(parse_device_name("host"), gpu));
    EXPECT_TRUE(matches(parse_device_name("cuda:1"), gpu));
    EXPECT_FALSE(matches(parse_device_name("cuda:10"), gpu));
    EXPECT_FALSE(matches(parse_device_name("cuda:1"), host));
    EXPECT_TRUE(matches(parse_device_name(kByUuid), gpu));
    EXPECT_FALSE(matches(parse_device_name("cuda:GPU-1123abcd-4567-89ab-cdef-0123456789ab"), gpu));
}

}  // namespace
}  // namespace fastio::test
