#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fastio::bench {

/// Times of one operation, in nanoseconds.
class Samples {
public:
    void add(double nanoseconds) { values_.push_back(nanoseconds); }
    [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
    [[nodiscard]] double median() const { return quantile(0.5); }
    [[nodiscard]] double p99() const { return quantile(0.99); }
    [[nodiscard]] double quantile(double q) const;

private:
    std::vector<double> values_;
};

/// One line of the report.
struct Figure {
    std::string what{};
    std::string unit{};
    double median = 0;
    std::optional<double> p99{};
    std::string reference{};  ///< the raw operation measured in the same run; empty: none
    std::optional<double> reference_median{};
    std::optional<double> at_most{};  ///< of the ratio where there is a reference, else of the median
};

/// The ratio to the reference, where there is one.
[[nodiscard]] std::optional<double> ratio(const Figure& figure);
[[nodiscard]] std::string as_table(const std::vector<Figure>& figures);
[[nodiscard]] std::string as_json(const std::vector<Figure>& figures);

}  // namespace fastio::bench
