#include "client/streams.hpp"

#include "core/fail.hpp"

namespace fastio::detail {

void refuse_host_stream(std::string_view device, Stream stream, std::string_view call) {
    if (stream && device == "host") {
        fail(Errc::unsupported,
             "{} was given a CUDA stream, and the memory is on the device 'host', which has none: leave the stream out "
             "(the call is then done on return), or use a 'cuda:N' device",
             call);
    }
}

}  // namespace fastio::detail
