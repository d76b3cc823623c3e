#include "device_contract.hpp"
#include "support/test_devices.hpp"

namespace fastio::test {

INSTANTIATE_TEST_SUITE_P(Host, DeviceContract,
                         testing::Values(DeviceCase{"host", [] { return make_test_device("host"); }}), name_of);

}  // namespace fastio::test
