#include "support/cudart_emulator/settings.hpp"

#include <unistd.h>

#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>

namespace emulator {
namespace {

constexpr std::string_view kPrefix = "FASTIO_EMU_";

std::uint64_t number(const std::string& value) {
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc{} || end != value.data() + value.size()) {
        throw std::invalid_argument("not a number");
    }
    return result;
}

bool flag(const std::string& value) {
    if (value != "0" && value != "1") {
        throw std::invalid_argument("neither 0 nor 1");
    }
    return value == "1";
}

template <class Result>
Result one_of(const std::string& value, const std::map<std::string, Result>& choices) {
    const auto found = choices.find(value);
    if (found == choices.end()) {
        std::string names;
        for (const auto& [name, unused] : choices) {
            names += names.empty() ? name : ", " + name;
        }
        throw std::invalid_argument("not one of " + names);
    }
    return found->second;
}

cudaError_t code(const std::string& value) {
    return static_cast<cudaError_t>(number(value));
}

std::chrono::microseconds microseconds(const std::string& value) {
    return std::chrono::microseconds(number(value));
}

void set_linger(Settings& settings, const std::string& value) {
    settings.linger_until_told = value == "told";
    settings.linger = std::chrono::milliseconds(settings.linger_until_told ? 0 : number(value));
}

using Setter = std::function<void(Settings&, const std::string&)>;

const std::map<std::string, Setter>& setters() {
    using Text = const std::string&;
    static const std::map<std::string, Setter> all{
        {"DIR", [](Settings& s, Text v) { s.folder = v; }},
        {"GPUS", [](Settings& s, Text v) { s.gpus = static_cast<std::uint32_t>(number(v)); }},
        {"MEMORY_MIB", [](Settings& s, Text v) { s.memory_bytes = number(v) << 20U; }},
        {"DRIVER",
         [](Settings& s, Text v) {
             s.driver = one_of<Settings::Driver>(v, {{"present", Settings::Driver::present},
                                                     {"missing", Settings::Driver::missing},
                                                     {"stub", Settings::Driver::stub},
                                                     {"no-gpu", Settings::Driver::no_gpu}});
         }},
        {"DRIVER_VERSION", [](Settings& s, Text v) { s.driver_version = static_cast<int>(number(v)); }},
        {"COMPUTE_MODE",
         [](Settings& s, Text v) {
             s.compute_mode = one_of<int>(v, {{"default", cudaComputeModeDefault},
                                              {"prohibited", cudaComputeModeProhibited},
                                              {"exclusive", cudaComputeModeExclusiveProcess}});
         }},
        {"COMPUTE_MODE_GPU", [](Settings& s, Text v) { s.compute_mode_gpu = static_cast<std::uint32_t>(number(v)); }},
        {"P2P", [](Settings& s, Text v) { s.peer_to_peer = flag(v); }},
        {"MAX_PEERS", [](Settings& s, Text v) { s.max_peers = static_cast<std::uint32_t>(number(v)); }},
        {"STREAM_MEMORY_OPERATIONS", [](Settings& s, Text v) { s.stream_memory_operations = flag(v); }},
        {"EXECUTOR",
         [](Settings& s, Text v) {
             s.executor = one_of<Settings::Executor>(
                 v, {{"thread", Settings::Executor::thread}, {"process", Settings::Executor::process}});
         }},
        {"DELAY_US", [](Settings& s, Text v) { s.delay = microseconds(v); }},
        {"STEP_US", [](Settings& s, Text v) { s.step = microseconds(v); }},
        {"LINGER_MS", set_linger},
        {"SEED", [](Settings& s, Text v) { s.seed = number(v); }},
        {"DIRTY", [](Settings& s, Text v) { s.dirty = flag(v); }},
        {"LATE_PAGEABLE_COPIES", [](Settings& s, Text v) { s.late_pageable_copies = flag(v); }},
        {"FREE_POISONS_IMPORTERS", [](Settings& s, Text v) { s.free_poisons_importers = flag(v); }},
        {"DEATH_POISONS_IMPORTERS", [](Settings& s, Text v) { s.death_poisons_importers = flag(v); }},
        {"STRICT_CLOSE", [](Settings& s, Text v) { s.strict_close = flag(v); }},
        {"STRICT_FREE", [](Settings& s, Text v) { s.strict_free = flag(v); }},
        {"OUT_OF_MEMORY_AFTER", [](Settings& s, Text v) { s.out_of_memory_after = number(v); }},
        {"ALREADY_MAPPED", [](Settings& s, Text v) { s.already_mapped = flag(v); }},
        {"OTHER_KERNEL", [](Settings& s, Text v) { s.other_kernel = flag(v); }},
        {"DEAD_EXPORTER", [](Settings& s, Text v) { s.dead_exporter = code(v); }},
        {"OTHER_FLAGS", [](Settings& s, Text v) { s.other_flags = code(v); }},
        {"IMPORTED_EXPORT", [](Settings& s, Text v) { s.imported_export = code(v); }},
        {"MAX_EVENTS", [](Settings& s, Text v) { s.max_events = static_cast<std::uint32_t>(number(v)); }},
        {"FAIL", [](Settings& s, Text v) { s.failures = v; }},
        {"FAULT_FILE", [](Settings& s, Text v) { s.fault_file = v; }},
        {"CALL_DELAY_US", [](Settings& s, Text v) { s.delays = v; }},
    };
    return all;
}

}  // namespace

void Settings::set(const std::string& name, const std::string& value) {
    const auto setter = name.starts_with(kPrefix) ? setters().find(name.substr(kPrefix.size())) : setters().end();
    if (setter == setters().end()) {
        throw std::invalid_argument(name + " is no switch of the CUDA runtime emulator");
    }
    try {
        setter->second(*this, value);
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(name + "=" + value + ": " + error.what());
    }
}

Settings Settings::from_environment() {
    Settings settings;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const std::size_t equals = text.find('=');
        if (text.starts_with(kPrefix) && equals != std::string::npos) {
            settings.set(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return settings;
}

}  // namespace emulator
