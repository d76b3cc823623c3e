// frame-source: makes frames at a steady rate and publishes them.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include <fastio/fastio.hpp>

#include "compute/pixels.hpp"
#include "delivery.hpp"
#include "program.hpp"
#include "stop.hpp"
#include "tag.hpp"

int main(int argc, char** argv) {
    using namespace frames;
    Program program("frame-source", "Publishes uint8 frames as 'frame', or each as 'frames/NUMBER'.");
    double fps = 60;
    std::uint64_t count = 0;
    std::int64_t height = 1080;
    std::int64_t width = 1920;
    program.options()
        .add_option("--fps", fps, "frames in a second; 0: as fast as possible")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e6));
    program.options().add_option("--frames", count, "how many; 0: until SIGINT or SIGTERM")->capture_default_str();
    program.options().add_option("--height", height)->capture_default_str()->check(CLI::Range(1, 16'384));
    program.options()
        .add_option("--width", width)
        ->capture_default_str()
        ->check(CLI::Range(std::int64_t{1}, kMostWidth));

    Tag tag{.source = fmt::format("{}", Clock::now().time_since_epoch().count())};
    std::uint64_t made = 0;
    bool has_ended = false;
    const auto work = [&](fastio::Context& context) {
        Processor& processor = program.processor(context);
        const fastio::Stream stream = processor.stream();
        Outlet frames(context, "frame", program.delivery());
        tag.sequence = std::max(tag.sequence, frames.first_free_number());
        const auto period =
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(fps > 0 ? 1 / fps : 0));
        auto due = Clock::now();
        while (!has_ended) {
            frames.wait_for_room();
            std::this_thread::sleep_until(due);
            due = std::max(due + period, Clock::now());  // frames that are late are not made up for
            tag.is_last = is_stopped() || made + 1 == count;
            tag.time = Clock::now();
            // Each frame is new memory. What is published belongs to its readers and is not written again: the pool
            // gives it back to a later create once the last of them has dropped it.
            fastio::Allocation frame = context.create(fastio::uint8, {height, width}, room_on(stream));
            processor.make(tag.sequence, frame);
            frames.publish(frame, tag.sequence, {.stream = stream, .attributes = attributes_of(tag)});
            frame.release(stream);
            ++tag.sequence;
            ++made;
            has_ended = tag.is_last;
        }
        processor.synchronise();  // a process that ends before its stream does has lost what it published last
    };
    return program.run(argc, argv, work, [&] { return fmt::format("{} frames", made); });
}
