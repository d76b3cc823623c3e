#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "support/cudart_emulator/settings.hpp"

namespace emulator {

/// Calls that shall fail or take long, by the name of the function; "*" is any. *Threads:* any.
class Faults {
public:
    /// `failures`: "cudaMalloc:2:3" fails the third call with code 2, "cudaMalloc:2:3:forever" also all later ones, and
    /// "cudaMemcpy:700:3:breaks" every later call of every function; several separated by commas. `fault_file`: where
    /// each call that fails is written down. `delays`: "cudaMalloc=1000" in microseconds. Errors:
    /// std::invalid_argument.
    void take_failures(const Settings& settings);
    void take_delays(const Settings& settings);
    /// Counts from now on.
    enum class Lasts : std::uint8_t { once, forever, breaks_device };
    void add(const std::string& call, cudaError_t code, std::uint64_t nth, Lasts lasts);

    /// What a call is to give; cudaSuccess if it shall do its work.
    struct Fault {
        cudaError_t code = cudaSuccess;
        bool breaks_device = false;
    };
    /// Counts the call, and returns after its delay.
    [[nodiscard]] Fault meet(std::string_view call);
    [[nodiscard]] std::uint64_t calls(std::string_view call);

private:
    void write_down(std::string_view call) const;

    struct Failure {
        cudaError_t code;
        std::uint64_t at;  ///< count of the call
        Lasts lasts;
    };

    std::mutex mutex_;
    std::string file_{};  ///< written before the first call
    std::map<std::string, std::uint64_t, std::less<>> counts_{};
    std::map<std::string, std::vector<Failure>, std::less<>> failures_{};
    std::map<std::string, std::chrono::microseconds, std::less<>> delays_{};
};

}  // namespace emulator
