#include "cli/pipeline_graph.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "cli/yaml_reader.hpp"

namespace fastio::cli {
namespace {

struct Producer {
    const Operator* op;
    const Entry* entry;
};
using Producers = std::map<std::string_view, Producer>;

void refuse_repeated(const Pipeline& pipeline, const Operator& op, const std::vector<Entry>& entries,
                     std::string_view what) {
    std::set<std::string_view> seen;
    for (const Entry& entry : entries) {
        if (!seen.insert(entry.name).second) {
            refuse(pipeline.file, entry.place, "operator '{}' has the {} '{}' twice", op.name, what, entry.name);
        }
    }
}

Producers find_producers(const Pipeline& pipeline) {
    Producers producers;
    for (const Operator& op : pipeline.operators) {
        for (const Entry& output : op.outputs) {
            const auto [other, is_new] = producers.try_emplace(output.name, Producer{&op, &output});
            if (!is_new) {
                refuse(pipeline.file, output.place,
                       "'{}' is output by '{}' and by '{}' (line {}); one of them needs "
                       "another name",
                       output.name, op.name, other->second.op->name, other->second.entry->place.line);
            }
        }
    }
    return producers;
}

/// What is known of both only at run time agrees with everything.
bool agree(const Entry& one, const Entry& other) {
    if (!one.type.empty() && !other.type.empty() && one.type != other.type) {
        return false;
    }
    if (one.element_type && other.element_type && *one.element_type != *other.element_type) {
        return false;
    }
    if (!one.shape || !other.shape) {
        return true;
    }
    return std::ranges::equal(*one.shape, *other.shape, [](std::int64_t extent, std::int64_t other_extent) {
        return extent <= 0 || other_extent <= 0 || extent == other_extent;
    });
}

/// As the file says it.
std::string describe(const Entry& entry) {
    std::vector<std::string> parts;
    if (!entry.type.empty()) {
        parts.push_back(entry.type);
    }
    if (entry.element_type) {
        parts.push_back(to_string(*entry.element_type));
    }
    if (entry.shape) {
        parts.push_back(fmt::format("[{}]", fmt::join(*entry.shape, ", ")));
    }
    return fmt::format("{}", fmt::join(parts, " "));
}

/// Follows inputs to their producers, depth first, and refuses the first way that comes back to itself.
class CycleSearch {
public:
    CycleSearch(const Pipeline& pipeline, const Producers& producers) : pipeline_(pipeline), producers_(producers) {}

    void visit(const Operator& op) {
        if (done_.contains(&op)) {
            return;
        }
        path_.push_back(&op);
        for (const Entry& input : op.inputs) {
            if (input.on_disk()) {
                continue;
            }
            const Operator* const producer = producers_.at(input.name).op;
            const auto start = std::find(path_.begin(), path_.end(), producer);
            if (start != path_.end()) {
                std::vector<std::string_view> names;
                std::transform(start, path_.end(), std::back_inserter(names),
                               [](const Operator* o) -> std::string_view { return o->name; });
                names.emplace_back(producer->name);
                refuse(pipeline_.file, input.place, "a cycle: {}; none of them can start first",
                       fmt::join(names, " waits for "));
            }
            visit(*producer);
        }
        path_.pop_back();
        done_.insert(&op);
    }

private:
    const Pipeline& pipeline_;
    const Producers& producers_;
    std::vector<const Operator*> path_;
    std::set<const Operator*> done_;
};

}  // namespace

void check_graph(const Pipeline& pipeline) {
    std::map<std::string_view, Place> names;
    for (const Operator& op : pipeline.operators) {
        const auto [first, is_new] = names.try_emplace(op.name, op.place);
        if (!is_new) {
            refuse(pipeline.file, op.place, "a second operator '{}'; the first is at line {}", op.name,
                   first->second.line);
        }
        refuse_repeated(pipeline, op, op.inputs, "input");
        refuse_repeated(pipeline, op, op.outputs, "output");
    }
    const Producers producers = find_producers(pipeline);
    for (const Operator& op : pipeline.operators) {
        for (const Entry& input : op.inputs) {
            if (input.on_disk()) {
                continue;
            }
            const auto producer = producers.find(input.name);
            if (producer == producers.end()) {
                refuse(pipeline.file, input.place,
                       "nobody outputs '{}', an input of operator '{}'; add an operator "
                       "that does, or a path if it is a file",
                       input.name, op.name);
            }
            if (producer->second.entry->on_disk()) {
                refuse(pipeline.file, input.place,
                       "operator '{}' takes '{}' by name, but '{}' writes it to a file "
                       "(line {})",
                       op.name, input.name, producer->second.op->name, producer->second.entry->place.line);
            }
            if (!agree(input, *producer->second.entry)) {
                refuse(pipeline.file, input.place,
                       "operator '{}' declares its input '{}' as {}, and '{}' its output as {} (line {})", op.name,
                       input.name, describe(input), producer->second.op->name, describe(*producer->second.entry),
                       producer->second.entry->place.line);
            }
        }
    }
    CycleSearch search(pipeline, producers);
    for (const Operator& op : pipeline.operators) {
        search.visit(op);
    }
}

}  // namespace fastio::cli
