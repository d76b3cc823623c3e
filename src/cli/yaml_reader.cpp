#include "cli/yaml_reader.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace fastio::cli {
namespace {

const char* kind_of(const YAML::Node& node) {
    switch (node.Type()) {
        case YAML::NodeType::Scalar:
            return "a single value";
        case YAML::NodeType::Sequence:
            return "a list";
        case YAML::NodeType::Map:
            return "a map";
        default:
            return "nothing";
    }
}

}  // namespace

void YamlReader::expect_map(const YAML::Node& node, std::string_view what,
                            std::initializer_list<std::string_view> keys) const {
    if (!node.IsMap()) {
        refuse(file_, place_of(node), "{} is {} and must be a map with the keys {}", what, kind_of(node),
               fmt::join(keys, ", "));
    }
    std::set<std::string> seen;
    for (const auto& pair : node) {
        const std::string key = text(pair.first, "a key");
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            refuse(file_, place_of(pair.first), "{} has the unknown key '{}'; it takes {}", what, key,
                   fmt::join(keys, ", "));
        }
        if (!seen.insert(key).second) {
            refuse(file_, place_of(pair.first), "{} has the key '{}' twice", what, key);
        }
    }
}

void YamlReader::expect_list(const YAML::Node& node, std::string_view what) const {
    if (!node.IsSequence()) {
        refuse(file_, place_of(node), "{} is {} and must be a list", what, kind_of(node));
    }
}

YAML::Node YamlReader::required(const YAML::Node& map, const char* key, std::string_view owner) const {
    const YAML::Node value = map[key];
    if (!value) {
        refuse(file_, place_of(map), "{} has no {}", owner, key);
    }
    return value;
}

Place YamlReader::place_of_key(const YAML::Node& map, std::string_view key) const {
    for (const auto& pair : map) {
        if (text(pair.first, "a key") == key) {
            return place_of(pair.first);
        }
    }
    return place_of(map);
}

std::string YamlReader::text(const YAML::Node& node, std::string_view what) const {
    if (!node.IsScalar()) {
        refuse(file_, place_of(node), "{} is {} and must be text", what, kind_of(node));
    }
    if (node.Scalar().find('\0') != std::string::npos) {
        refuse(file_, place_of(node), "{} contains a zero byte", what);
    }
    return node.Scalar();
}

std::int64_t YamlReader::integer(const YAML::Node& node, std::string_view what) const {
    const std::string digits = text(node, what);
    std::int64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (error != std::errc{} || stop != end) {
        refuse(file_, place_of(node), "{} is '{}' and must be a whole number", what, digits);
    }
    return value;
}

}  // namespace fastio::cli
