#include "support/frames.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

namespace frames::testing {

namespace {

constexpr const char* kJob = "frames-test";
/// No expectation: a service that does not come is the watchdog's.
constexpr std::chrono::seconds kConnectTimeout{600};

}  // namespace

Program Programs::start(const std::string& name, const std::vector<std::string>& arguments,
                        std::map<std::string, std::string> environment) const {
    environment.merge(std::map<std::string, std::string>{
        {"FASTIO_JOB", kJob}, {"FASTIO_SOCKET", folder_.file("fastiod.sock")}, {"FASTIO_DEVICE", device_}});
    return Program(name, arguments, environment);
}

Program Programs::start_source(std::vector<std::string> arguments, const std::string& fps,
                               std::map<std::string, std::string> environment) const {
    arguments.insert(arguments.end(),
                     {"--height", std::to_string(kHeight), "--width", std::to_string(kWidth), "--fps", fps});
    return start("frame-source", arguments, std::move(environment));
}

Program Programs::start_service() const {
    return Program("fastiod", {"--socket", folder_.file("fastiod.sock"), "--device", device_, "--log-level", "error"});
}

fastio::Context Programs::join(bool embedded) const {
    return fastio::Context({.job = kJob,
                            .socket = folder_.file("fastiod.sock"),
                            .device = device_,
                            .embedded = embedded,
                            .connect_timeout = kConnectTimeout});
}

std::string Programs::errors_of(const Outcome& outcome) {
    const std::size_t end = outcome.errors.find('\n');
    const bool has_notice =
        outcome.errors.substr(0, end).find(": computing on the host, with copies") != std::string::npos;
    return has_notice ? outcome.errors.substr(end + 1) : outcome.errors;
}

void Programs::expect_success(const Outcome& outcome, const std::string& counts) {
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(errors_of(outcome), "");
    EXPECT_NE(outcome.output.find(counts), std::string::npos) << outcome.output;
}

void wait_for_publications(fastio::Watch& watch, int count) {
    while (count > 0) {
        const auto event = watch.next(fastio::forever);
        using Kind = fastio::WatchEvent::Kind;
        count -= event && (event->kind == Kind::published || event->kind == Kind::replaced) ? 1 : 0;
    }
}

}  // namespace frames::testing
