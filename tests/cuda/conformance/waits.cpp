#include "waits.hpp"

#include <memory>
#include <vector>

#include "calls.hpp"
#include "words.hpp"

namespace fastio::conformance {
namespace {

cudaError_t first_error(const std::vector<std::unique_ptr<Stream>>& streams) {
    for (const auto& stream : streams) {
        if (const cudaError_t code = cudaStreamQuery(stream->get())) {
            return code;
        }
    }
    return cudaSuccess;
}

}  // namespace

std::string under_a_wait(const std::function<cudaError_t()>& call) {
    SharedWords words(SharedWords::make_file().get());
    const Stream stream;
    must(wait_for_word(stream.get(), words.on_device(), 0), "cuStreamWaitValue64");
    must(cudaStreamSynchronize(stream.get()), "a wait for what is there");
    const Rescue rescue([&] { words.set_first(1); });
    must(wait_for_word(stream.get(), words.on_device(), 1), "cuStreamWaitValue64");
    const cudaError_t code = call();
    const bool waited = rescue.acted();
    words.set_first(1);
    must(cudaStreamSynchronize(stream.get()), "the wait, completed by the host");
    return text(code) + (waited ? " waits" : " does not wait");
}

std::string written_behind_waits(int streams) {
    SharedWords words(SharedWords::make_file().get());
    std::vector<std::unique_ptr<Stream>> all;
    all.reserve(static_cast<std::size_t>(streams));
    for (int i = 0; i < streams; ++i) {
        all.push_back(std::make_unique<Stream>());
    }
    const Rescue rescue([&] { words.set_first(1); });
    for (const auto& stream : all) {
        const bool last = stream == all.back();
        must(
            last ? write_word(stream->get(), words.on_device(), 1) : wait_for_word(stream->get(), words.on_device(), 1),
            "an operation of a stream");
    }
    const auto written = [&] { return words.first() == 0 ? cudaErrorNotReady : cudaSuccess; };
    must(poll(written, cudaErrorNotReady, part_of_limit(3)), "the word, by the stream or the host");
    const bool by_host = rescue.acted();
    must(poll([&] { return first_error(all); }, cudaErrorNotReady, part_of_limit(3)), "the streams");
    return by_host ? "stuck until the host wrote the word" : "written";
}

}  // namespace fastio::conformance
