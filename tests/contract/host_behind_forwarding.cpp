#include "device_contract.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {

INSTANTIATE_TEST_SUITE_P(HostBehindForwarding, DeviceContract,
                         testing::Values(DeviceCase{"host_behind_forwarding",
                                                    [] { return make_test_device("host_behind_forwarding"); }}),
                         name_of);

}  // namespace fastio::test
