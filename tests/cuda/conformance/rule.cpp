#include "rule.hpp"

#include <algorithm>

namespace fastio::conformance {

std::string_view to_string(Grade grade) {
    switch (grade) {
        case Grade::documented:
            return "documented";
        case Grade::tested:
            return "tested";
        case Grade::field:
            return "field";
        case Grade::inferred:
            return "inferred";
        case Grade::unknown:
            break;
    }
    return "unknown";
}

std::vector<Rule> all_rules() {
    std::vector<Rule> all;
    for (const auto rules : {export_rules, import_rules, device_rules, close_rules, namespace_rules, event_rules,
                             order_rules, waiting_rules, death_rules, measurements}) {
        const std::span<const Rule> group = rules();
        all.insert(all.end(), group.begin(), group.end());
    }
    // What it makes may stay behind it for a while, in the way of others.
    std::stable_partition(all.begin(), all.end(), [](const Rule& rule) { return rule.id != "58"; });
    return all;
}

}  // namespace fastio::conformance
