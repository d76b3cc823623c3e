// frame-sink: reads the results on the host, checks them, and says how many came, how many did not, and how late.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include <fastio/fastio.hpp>

#include "compute/on_host.hpp"
#include "delivery.hpp"
#include "program.hpp"
#include "tag.hpp"

namespace {

class Tally {
public:
    void add(const frames::Tag& tag, frames::Clock::time_point now) {
        if (tag.source != source_) {  // another one: it counts from its own start
            source_ = tag.source;
            next_ = tag.sequence;
        }
        if (tag.sequence < next_) {
            ++repeated_;
            return;
        }
        gaps_ += tag.sequence - next_;
        next_ = tag.sequence + 1;
        latencies_ms_.push_back(std::chrono::duration<double, std::milli>(now - tag.time).count());
    }
    void add_wrong() { ++wrong_; }
    [[nodiscard]] std::uint64_t& lost() { return lost_; }
    [[nodiscard]] std::uint64_t wrong() const { return wrong_; }

    [[nodiscard]] std::string text() const {
        return fmt::format(
            "{} frames, {} gaps, {} repeated, {} lost, {} wrong, latency median {:.3f} ms, p99 {:.3f} ms",
            latencies_ms_.size(), gaps_, repeated_, lost_, wrong_, latency_ms(0.5), latency_ms(0.99));
    }

private:
    [[nodiscard]] double latency_ms(double quantile) const {
        if (latencies_ms_.empty()) {
            return 0;
        }
        std::vector<double> sorted = latencies_ms_;
        const auto rank = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1));
        const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(rank);
        std::nth_element(sorted.begin(), at, sorted.end());
        return *at;
    }

    std::string source_;
    std::uint64_t next_ = 0;
    std::uint64_t gaps_ = 0;
    std::uint64_t repeated_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t wrong_ = 0;
    std::vector<double> latencies_ms_;
};

}  // namespace

int main(int argc, char** argv) {
    using namespace frames;
    Program program("frame-sink", "Reads and checks each 'result'.");
    program.add_consumer_options();

    Tally tally;
    const auto work = [&](fastio::Context& context) {
        Processor& processor = program.processor(context);
        const fastio::Stream stream = processor.stream();
        Inlet results(context, "result", program.delivery(), tally.lost());
        for (bool is_last = false; !is_last;) {
            std::optional<fastio::Allocation> result = results.next(stream, program.timeout());
            if (!result) {
                throw fastio::Error(fastio::Errc::timed_out, "no result came within --timeout-s");
            }
            const Tag tag = tag_of(*result);
            const auto [height, columns] = extents_of(*result, fastio::float32);
            const auto values = processor.read(*result);
            const auto now = Clock::now();
            try {
                result->check();  // after the stream was waited for, which read() does
                is_last = tag.is_last;
                tally.add(tag, now);
                if (!is_result_of(tag.sequence, height, columns - 1, values)) {
                    tally.add_wrong();
                }
            } catch (const fastio::Error& error) {
                if (error.errc() != fastio::Errc::producer_lost) {
                    throw;
                }
                ++tally.lost();
            }
            results.drop(*result, stream);
            program.dawdle();
        }
    };
    const int status = program.run(argc, argv, work, [&] { return tally.text(); });
    return tally.wrong() == 0 ? status : 1;
}
