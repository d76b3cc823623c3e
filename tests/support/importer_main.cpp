// The other process of support/importer.hpp: ./fastio_test_importer DEVICE, with its channel at descriptor 3.

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

#include "support/importer.hpp"
#include "support/test_devices.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s DEVICE\n", argv[0]);
        return 2;
    }
    try {
        const auto memory = fastio::test::make_test_device(argv[1]);
        fastio::test::Channel channel(fastio::wire::Socket(fastio::Descriptor(3)));
        fastio::test::serve_importer(std::move(channel), *memory);
    } catch (const fastio::Error& error) {
        std::fprintf(stderr, "importer: %s\n", error.what());
        return 1;
    } catch (const std::runtime_error&) {
        return 0;  // the test closed its end
    } catch (const std::exception& error) {
        std::fprintf(stderr, "importer: %s\n", error.what());
        return 1;
    }
}
