#include "gpu_report.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace fastio::gpu_bench {
namespace {

struct Unit {
    const char* name;
    double nanoseconds;
};

Unit unit_for(double nanoseconds) {
    const double magnitude = std::abs(nanoseconds);  // of differences, which may be negative
    if (magnitude >= 1e6) {
        return {"ms", 1e6};
    }
    return magnitude >= 1e3 ? Unit{"us", 1e3} : Unit{"ns", 1};
}

nlohmann::json row_of(const Figure& figure) {
    nlohmann::json row{
        {"what", figure.what}, {"unit", figure.unit}, {"median", figure.median}, {"samples", figure.samples}};
    if (figure.p99) {
        row["p99"] = *figure.p99;
    }
    if (figure.reference_median) {
        row["reference"] = figure.reference;
        row["reference_median"] = *figure.reference_median;
        if (figure.median > 0) {
            row["times_faster"] = *figure.reference_median / figure.median;
        }
    }
    if (figure.at_least) {
        row["at_least"] = *figure.at_least;
        row["met"] = row.contains("times_faster") && row["times_faster"].get<double>() >= *figure.at_least;
    }
    return row;
}

std::string line_of(const nlohmann::json& row) {
    const std::string unit = row["unit"];
    const auto time = [&](const char* key) {
        return row.contains(key) ? fmt::format("{:.2f} {}", row[key].get<double>(), unit) : std::string{};
    };
    const auto factor = [&](const char* key) {
        return row.contains(key) ? fmt::format("{:.2f}", row[key].get<double>()) : std::string{};
    };
    std::string text =
        fmt::format("{:<62} {:>12} {:>12} {:>12} {:>9} {:>9}", row["what"].get<std::string>(), time("median"),
                    time("p99"), time("reference_median"), factor("times_faster"), factor("at_least"));
    if (row.contains("met")) {
        text += row["met"].get<bool>() ? "  met" : "  MISSED";
    }
    if (row.contains("reference")) {
        text += fmt::format("  (against {})", row["reference"].get<std::string>());
    }
    return text + '\n';
}

}  // namespace

Figure figure_of(std::string what, const Samples& nanoseconds) {
    const Unit unit = unit_for(nanoseconds.median());
    Figure figure;
    figure.what = std::move(what);
    figure.unit = unit.name;
    figure.median = nanoseconds.median() / unit.nanoseconds;
    figure.p99 = nanoseconds.p99() / unit.nanoseconds;
    figure.samples = nanoseconds.size();
    return figure;
}

Figure figure_of(std::string what, const Samples& nanoseconds, std::string reference,
                 const Samples& reference_nanoseconds, std::optional<double> at_least) {
    Figure figure = figure_of(std::move(what), nanoseconds);
    figure.reference = std::move(reference);
    figure.reference_median = reference_nanoseconds.median() / unit_for(nanoseconds.median()).nanoseconds;
    figure.at_least = at_least;
    return figure;
}

nlohmann::json to_json(const Outcome& outcome) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Figure& figure : outcome.figures) {
        rows.push_back(row_of(figure));
    }
    return {{"figures", std::move(rows)}, {"left_out", outcome.left_out}, {"notes", outcome.notes}};
}

std::string as_table(const nlohmann::json& report) {
    std::string text = fmt::format("{:<62} {:>12} {:>12} {:>12} {:>9} {:>9}\n", "figure", "median", "p99", "beside it",
                                   "faster", "at least");
    for (const nlohmann::json& found : report["cases"]) {
        text += fmt::format("{}\n", found["case"].get<std::string>());
        if (found.contains("error")) {
            text += fmt::format("  FAILED: {}\n", found["error"].get<std::string>());
            continue;
        }
        for (const nlohmann::json& row : found["figures"]) {
            text += "  " + line_of(row);
        }
        for (const nlohmann::json& what : found["left_out"]) {
            text += fmt::format("  left out: {}\n", what.get<std::string>());
        }
        for (const nlohmann::json& note : found["notes"]) {
            text += fmt::format("  note: {}\n", note.get<std::string>());
        }
    }
    return text;
}

}  // namespace fastio::gpu_bench
