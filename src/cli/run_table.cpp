#include "cli/run_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/text.hpp"

namespace fastio::cli {
namespace {

template <class Items>
const typename Items::value_type* find_named(const Items& items, const std::string& name) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

std::string run_table(const Pipeline& pipeline, const std::vector<ProcessEnd>& ends,
                      const std::vector<OperatorInfo>& infos) {
    using Align = TextTable::Align;
    TextTable table({{"operator"}, {"seconds", Align::right}, {"published", Align::right}, {"copied", Align::right}});
    std::uint64_t copied = 0;
    for (const Operator& op : pipeline.operators) {
        const ProcessEnd* const end = find_named(ends, op.name);
        const OperatorInfo* const found = find_named(infos, op.name);
        // An operator that never joined the context has done nothing in it.
        const OperatorInfo info = found == nullptr ? OperatorInfo{} : *found;
        copied += info.bytes_copied;
        const auto seconds = [&] { return std::chrono::duration<double>(end->ran).count(); };
        table.add({op.name, end == nullptr ? "-" : fmt::format("{:.2f}", seconds()),
                   text_of_bytes(info.bytes_published), text_of_bytes(info.bytes_copied)});
    }
    return table.str() + fmt::format("{} bytes copied between operators\n", copied);
}

}  // namespace fastio::cli
