#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fastio::bench {

double Samples::quantile(double q) const {
    if (values_.empty()) {
        return 0;
    }
    std::vector<double> sorted = values_;
    const auto position = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(position), sorted.end());
    return sorted[position];
}

std::optional<double> ratio(const Figure& figure) {
    if (!figure.reference_median || *figure.reference_median <= 0) {
        return std::nullopt;
    }
    return figure.median / *figure.reference_median;
}

std::string as_table(const std::vector<Figure>& figures) {
    std::string text = fmt::format("{:<58} {:>12} {:>12} {:>12} {:>7} {:>8}  {}\n", "figure", "median", "p99", "raw",
                                   "ratio", "at most", "");
    for (const Figure& figure : figures) {
        const std::optional<double> factor = ratio(figure);
        const double judged = factor ? *factor : figure.median;
        const auto number = [&](const std::optional<double>& value) {
            return value ? fmt::format("{:.2f} {}", *value, figure.unit) : std::string{};
        };
        text += fmt::format("{:<58} {:>12} {:>12} {:>12} {:>7} {:>8}  {}\n", figure.what, number(figure.median),
                            number(figure.p99), number(figure.reference_median),
                            factor ? fmt::format("{:.2f}", *factor) : "",
                            figure.at_most ? fmt::format("{:.2f}", *figure.at_most) : "",
                            !figure.at_most ? "" : (judged <= *figure.at_most ? "met" : "MISSED"));
    }
    return text;
}

std::string as_json(const std::vector<Figure>& figures) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Figure& figure : figures) {
        nlohmann::json row{{"what", figure.what}, {"unit", figure.unit}, {"median", figure.median}};
        if (figure.p99) {
            row["p99"] = *figure.p99;
        }
        if (figure.reference_median) {
            row["reference"] = figure.reference;
            row["reference_median"] = *figure.reference_median;
            row["ratio"] = *ratio(figure);
        }
        if (figure.at_most) {
            row["at_most"] = *figure.at_most;
        }
        rows.push_back(std::move(row));
    }
    return rows.dump(2);
}

}  // namespace fastio::bench
