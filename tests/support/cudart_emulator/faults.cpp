#include "support/cudart_emulator/faults.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "support/cudart_emulator/fatal.hpp"

namespace emulator {
namespace {

constexpr std::string_view kAnyCall = "*";

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find(separator, start), text.size());
        parts.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

}  // namespace

void Faults::take_failures(const Settings& settings) {
    file_ = settings.fault_file;
    for (const std::string& text : split(settings.failures, ',')) {
        const std::vector<std::string> parts = split(text, ':');
        const std::string lasts = parts.size() == 4 ? parts[3] : "";
        if (parts.size() < 3 || parts.size() > 4 || (parts.size() == 4 && lasts != "forever" && lasts != "breaks")) {
            throw std::invalid_argument("FASTIO_EMU_FAIL: '" + text + "' is not CALL:CODE:NTH[:forever|:breaks]");
        }
        add(parts[0], static_cast<cudaError_t>(std::stoi(parts[1])), std::stoull(parts[2]),
            lasts.empty()        ? Lasts::once
            : lasts == "forever" ? Lasts::forever
                                 : Lasts::breaks_device);
    }
}

void Faults::take_delays(const Settings& settings) {
    for (const std::string& text : split(settings.delays, ',')) {
        const std::vector<std::string> parts = split(text, '=');
        if (parts.size() != 2) {
            throw std::invalid_argument("FASTIO_EMU_CALL_DELAY_US: '" + text + "' is not CALL=MICROSECONDS");
        }
        const std::lock_guard lock(mutex_);
        delays_[parts[0]] = std::chrono::microseconds(std::stoull(parts[1]));
    }
}

void Faults::add(const std::string& call, cudaError_t code, std::uint64_t nth, Lasts lasts) {
    const std::lock_guard lock(mutex_);
    failures_[call].push_back({code, counts_[call] + nth, lasts});
}

Faults::Fault Faults::meet(std::string_view call) {
    std::chrono::microseconds delay{};
    Fault fault;
    {
        const std::lock_guard lock(mutex_);
        for (const std::string_view name : {call, kAnyCall}) {
            auto count = counts_.find(name);
            if (count == counts_.end()) {
                count = counts_.emplace(name, 0).first;
            }
            ++count->second;
            if (const auto found = delays_.find(name); found != delays_.end()) {
                delay = std::max(delay, found->second);
            }
            if (const auto found = failures_.find(name); found != failures_.end()) {
                for (const Failure& failure : found->second) {
                    if (count->second == failure.at ||
                        (failure.lasts == Lasts::forever && count->second > failure.at)) {
                        fault = {failure.code, failure.lasts == Lasts::breaks_device};
                    }
                }
            }
        }
    }
    if (delay.count() > 0) {
        std::this_thread::sleep_for(delay);
    }
    if (fault.code != cudaSuccess && !file_.empty()) {
        write_down(call);
    }
    return fault;
}

void Faults::write_down(std::string_view call) const {
    const std::string line = std::string(call) + '\n';
    const int file = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        fatal("FASTIO_EMU_FAULT_FILE: could not write to %s", file_.c_str());
    }
    ::close(file);
}

std::uint64_t Faults::calls(std::string_view call) {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(call);
    return found == counts_.end() ? 0 : found->second;
}

}  // namespace emulator
