#include "cli/run_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/text.hpp"

namespace fastio::cli {
namespace {

using Align = TextTable::Align;

double seconds_of(const ProcessEnd& end) {
    return std::chrono::duration<double>(end.ran).count();
}

template <class Items>
const typename Items::value_type* find_named(const Items& items, const std::string& name) {
    const auto found = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

RunFigures run_figures(const Pipeline& pipeline, const std::string& job, const std::vector<ProcessEnd>& ends,
                       const std::vector<OperatorInfo>& infos) {
    RunFigures figures{pipeline.name, job, {}, 0};
    for (const Operator& op : pipeline.operators) {
        RunFigures::Row row{op.name, {}, 0, 0};
        if (const ProcessEnd* const end = find_named(ends, op.name)) {
            row.end = *end;
        }
        // An operator that never joined the context has done nothing in it.
        if (const OperatorInfo* const info = find_named(infos, op.name)) {
            row.bytes_published = info->bytes_published;
            row.bytes_copied = info->bytes_copied;
        }
        figures.bytes_copied += row.bytes_copied;
        figures.rows.push_back(std::move(row));
    }
    return figures;
}

std::string run_table(const RunFigures& figures) {
    TextTable table({{"operator"}, {"seconds", Align::right}, {"published", Align::right}, {"copied", Align::right}});
    for (const RunFigures::Row& row : figures.rows) {
        table.add({row.name, row.end ? fmt::format("{:.2f}", seconds_of(*row.end)) : "-",
                   text_of_bytes(row.bytes_published), text_of_bytes(row.bytes_copied)});
    }
    return table.str() + fmt::format("{} bytes copied between operators\n", figures.bytes_copied);
}

Json json_of(const RunFigures& figures) {
    Json operators = Json::array();
    for (const RunFigures::Row& row : figures.rows) {
        const bool exited = row.end && row.end->status.signal == 0;
        const bool killed = row.end && row.end->status.signal != 0;
        operators.push_back({{"name", row.name},
                             {"seconds", row.end ? Json(seconds_of(*row.end)) : Json()},
                             {"status", exited ? Json(row.end->status.code) : Json()},
                             {"signal", killed ? Json(row.end->status.signal) : Json()},
                             {"bytes_published", row.bytes_published},
                             {"bytes_copied", row.bytes_copied}});
    }
    return {{"pipeline", figures.pipeline},
            {"job", figures.job},
            {"operators", std::move(operators)},
            {"bytes_copied", figures.bytes_copied}};
}

}  // namespace fastio::cli
