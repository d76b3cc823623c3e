#include "cli/missing_outputs.hpp"

#include <algorithm>

namespace fastio::cli {

MissingOutputs::MissingOutputs(const Pipeline& pipeline) {
    for (const Operator& op : pipeline.operators) {
        for (const Entry& output : op.outputs) {
            if (!output.on_disk()) {
                expected_[output.name].producer = op.name;
            }
        }
    }
    for (const Operator& op : pipeline.operators) {
        for (const Entry& input : op.inputs) {
            if (const auto found = expected_.find(input.name); !input.on_disk() && found != expected_.end()) {
                found->second.consumers.insert(op.name);
            }
        }
    }
}

void MissingOutputs::saw(std::string_view name) {
    for (;;) {
        if (const auto found = expected_.find(name); found != expected_.end()) {
            expected_.erase(found);
        }
        const std::size_t slash = name.rfind('/');
        if (slash == std::string_view::npos) {
            return;
        }
        name = name.substr(0, slash);
    }
}

std::optional<MissingOutputs::Missing> MissingOutputs::find(const std::set<std::string>& ended_well,
                                                            const std::set<std::string>& ended) const {
    for (const auto& [name, expected] : expected_) {
        if (!ended_well.contains(expected.producer)) {
            continue;
        }
        const auto waits = [&](const std::string& consumer) { return !ended.contains(consumer); };
        const auto consumer = std::ranges::find_if(expected.consumers, waits);
        if (consumer != expected.consumers.end()) {
            return Missing{expected.producer, name, *consumer};
        }
    }
    return std::nullopt;
}

}  // namespace fastio::cli
