#include "device_contract.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {

INSTANTIATE_TEST_SUITE_P(HostBehindFaults, DeviceContract,
                         testing::Values(DeviceCase{"host_behind_faults",
                                                    [] { return make_test_device("host_behind_faults"); }}),
                         name_of);

}  // namespace fastio::test
