// frame-infer: takes each frame, or each newest one, and publishes what it computes from it.
#include <fmt/format.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include <fastio/fastio.hpp>

#include "delivery.hpp"
#include "program.hpp"
#include "tag.hpp"

namespace {

/// A frame whose work is queued. It is held until that is done.
struct InFlight {
    fastio::Allocation frame;
    std::unique_ptr<frames::Mark> done;
    std::string result;
    std::uint64_t version = 0;  ///< of the result; 0: it was there before
    bool is_last = false;
};

}  // namespace

int main(int argc, char** argv) {
    using namespace frames;
    Program program("frame-infer", "Publishes a float32 image and its scores for each 'frame' as 'result'.");
    std::size_t depth = 2;
    program.add_consumer_options();
    program.options()
        .add_option("--depth", depth, "frames whose work may be queued at a time")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));

    std::uint64_t made = 0;
    std::uint64_t lost = 0;
    const auto work = [&](fastio::Context& context) {
        Processor& processor = program.processor(context);
        const fastio::Stream stream = processor.stream();
        Inlet frames(context, "frame", program.delivery(), lost);
        Outlet results(context, "result", program.delivery());
        std::deque<InFlight> in_flight;
        bool has_ended = false;
        const auto finish_oldest = [&] {
            InFlight oldest = std::move(in_flight.front());
            in_flight.pop_front();
            oldest.done->wait();
            try {
                oldest.frame.check();
                ++made;
                has_ended = oldest.is_last;
            } catch (const fastio::Error& error) {
                if (error.errc() != fastio::Errc::producer_lost) {
                    throw;
                }
                // The source died before the frame was complete: the kernels have read what nobody finished.
                if (oldest.version != 0) {
                    results.withdraw(oldest.result, oldest.version);
                }
                ++lost;
            }
            frames.drop(oldest.frame, stream);  // of which nothing is left to wait for
        };

        while (!has_ended) {
            std::optional<fastio::Allocation> frame = frames.next(stream, {});
            if (!frame) {  // nothing to do but to finish, and then to wait
                while (!in_flight.empty()) {
                    finish_oldest();
                }
                frame = frames.next(stream, program.timeout());
            }
            if (!frame) {
                throw fastio::Error(fastio::Errc::timed_out, "no frame came within --timeout-s");
            }
            const Tag tag = tag_of(*frame);
            const auto [height, width] = extents_of(*frame, fastio::uint8);
            results.wait_for_room();
            fastio::Allocation result = context.create(fastio::float32, {height, width + 1}, room_on(stream));
            processor.infer(*frame, result);
            const bool is_new =
                results.publish(result, tag.sequence, {.stream = stream, .attributes = frame->attributes()});
            in_flight.push_back({std::move(*frame), processor.mark(), std::string(result.name()),
                                 is_new ? result.version() : 0, tag.is_last});
            result.release(stream);
            while (in_flight.size() >= (tag.is_last ? 1 : depth)) {
                finish_oldest();
            }
            program.dawdle();
        }
    };
    return program.run(argc, argv, work, [&] { return fmt::format("{} results, {} frames lost", made, lost); });
}
