#include "operators/entries.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <fastio/fastio.hpp>

namespace brain_mri {

std::vector<Entry> parse_entries(const char* json, const std::string& variable) {
    if (json == nullptr || *json == '\0') {
        return {};
    }
    std::vector<Entry> entries;
    try {
        for (const nlohmann::json& item : nlohmann::json::parse(json)) {
            entries.push_back({item.at("name").get<std::string>(), item.value("path", std::string())});
        }
    } catch (const nlohmann::json::exception& error) {
        throw fastio::Error(fastio::Errc::invalid_argument,
                            fmt::format("reading ${}: {}; it must be a JSON array like [{{\"name\": \"volume\"}}]",
                                        variable, error.what()));
    }
    return entries;
}

}  // namespace brain_mri
