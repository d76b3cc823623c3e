#include "reference_model/contest.hpp"

#include <chrono>
#include <sstream>
#include <thread>

namespace fastio::test {
namespace {

std::string to_string(const Counts& counts) {
    std::ostringstream out;
    out << counts.sessions << " sessions, " << counts.contexts << " contexts, " << counts.allocations
        << " allocations, " << counts.leases << " leases, " << counts.publications << " publications, "
        << counts.bytes_in_use << " bytes in use";
    return out.str();
}

Counts plus(const Counts& a, const Counts& b) {
    return {a.sessions + b.sessions, a.contexts + b.contexts,         a.allocations + b.allocations,
            a.leases + b.leases,     a.publications + b.publications, a.bytes_in_use + b.bytes_in_use};
}

Counts count(Service& view) {
    const ServiceTotals totals = view.totals();
    return {totals.sessions, totals.contexts,     totals.allocations,
            totals.leases,   totals.publications, totals.bytes_in_use};
}

/// Waits until what was sent one-way, or will be sent by a helper thread, has reached the service.
std::string settle(Service& view, const Counts& expected, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const Counts counts = count(view);
        if (counts == expected) {
            return {};
        }
        // Counts only go down by themselves.
        const bool is_too_low = counts.sessions < expected.sessions || counts.allocations < expected.allocations ||
                                counts.publications < expected.publications;
        if (is_too_low || std::chrono::steady_clock::now() >= deadline) {
            return "the service counts " + to_string(counts) + " instead of " + to_string(expected);
        }
        std::this_thread::yield();
    }
}

std::string compare(Step step, Stage& stage, Oracle& oracle) {
    const std::string expected = oracle.play(step);
    if (step.verb == Verb::next_event) {
        step.value = expected == "nothing" ? kExpectNothing : expected.starts_with("error") ? kExpectEnd : kExpectEvent;
    }
    const std::string answer = stage.play(step);
    return answer == expected ? std::string() : "\n  answered: " + answer + "\n  expected: " + expected;
}

}  // namespace

std::string contest(const std::vector<Step>& steps, Stage& stage, Oracle& oracle, std::chrono::milliseconds patience) {
    Service view(stage.socket(), patience);
    for (std::size_t i = 0; i < steps.size(); ++i) {
        std::string wrong = compare(steps[i], stage, oracle);
        if (wrong.empty() && steps[i].verb == Verb::end_job) {
            // Each client hears of it now: which of two reasons a call is refused for depends on that.
            for (int client = 0; client < kClients && wrong.empty(); ++client) {
                wrong = compare({.verb = Verb::stats, .client = client}, stage, oracle);
            }
        }
        if (wrong.empty()) {
            wrong = settle(view, plus(oracle.counts(), stage.others()), patience);
        }
        if (!wrong.empty()) {
            std::ostringstream out;
            out << "step " << i << ", ";
            showValue(steps[i], out);
            out << ": " << wrong;
            return out.str();
        }
    }
    return {};
}

}  // namespace fastio::test
