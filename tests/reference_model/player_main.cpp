// A client in a process of its own: plays the steps that it hears on descriptor 3, until there are no more.
//
//   fastio_test_player SOCKET DEVICE
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "reference_model/player.hpp"
#include "support/channel.hpp"

namespace fastio::test {
namespace {

constexpr int kSteps = 3;

void serve(const char* socket, const char* device) {
    Channel channel{wire::Socket(Descriptor(kSteps))};
    Player player(socket, device);
    channel.say("joined");
    for (std::string step = channel.hear().text; step != "quit"; step = channel.hear().text) {
        channel.say('=' + player.play(decode(step)));  // never empty, which would look like an end
    }
}

}  // namespace
}  // namespace fastio::test

int main(int argc, char** argv) {
    try {
        if (argc != 3) {
            throw std::invalid_argument("give SOCKET and DEVICE");
        }
        fastio::test::serve(argv[1], argv[2]);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fastio_test_player: %s\n", error.what());
        return 1;
    }
}
