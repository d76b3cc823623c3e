#include "case_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "processes.hpp"

namespace fastio::gpu_bench {
namespace {

using Clock = std::chrono::steady_clock;

/// All that comes until the other end is closed; false if that takes too long.
bool read_all(int descriptor, Clock::time_point end, std::string& text) {
    std::array<char, 4096> part{};
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        pollfd waited{descriptor, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&waited, 1, static_cast<int>(left.count())) == 0) {
            return false;
        }
        const ssize_t got = ::read(descriptor, part.data(), part.size());
        if (got <= 0) {
            return true;
        }
        text.append(part.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace

nlohmann::json run_apart(const std::vector<std::string>& arguments, std::chrono::seconds limit) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return {{"error", "no pipe"}};
    }
    std::vector<std::string> command{bench::self()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.insert(command.end(), {"--fd", std::to_string(ends[1])});
    const bench::Process process(command, std::span<const int>(&ends[1], 1));
    ::close(ends[1]);
    std::string text;
    const bool ended = read_all(ends[0], Clock::now() + limit, text);
    ::close(ends[0]);
    if (!ended) {
        return {{"error", fmt::format("did not end within {} s", limit.count())}};
    }
    nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
    if (answer.is_discarded()) {
        return {{"error", "its process ended without an answer"}};
    }
    return answer;
}

void answer_and_exit(int descriptor, const nlohmann::json& answer) {
    const std::string text = answer.dump();
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t written = ::write(descriptor, rest.data(), rest.size());
        if (written <= 0) {
            ::_exit(1);
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ::_exit(0);
}

}  // namespace fastio::gpu_bench
