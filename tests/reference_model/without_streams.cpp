#include "reference_model/player_stream.hpp"

namespace fastio::test {

std::unique_ptr<PlayerStream> make_player_stream() {
    return nullptr;
}

}  // namespace fastio::test
