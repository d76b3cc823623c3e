#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fastio::service {

/// What the operators of one context have done since it began, ended ones included. Sessions of one name are one
/// operator. The first 1,024 operators count, so that names that somebody makes up cannot fill the memory.
class Operators {
public:
    static constexpr std::uint32_t kMost = 1'024;
    static constexpr std::uint32_t kUncounted = 0xffff'ffffU;

    struct Figures {
        std::string name{};
        std::uint64_t sessions = 0;
        std::uint64_t bytes_published = 0;
        std::uint64_t bytes_copied = 0;  ///< as the clients report it
    };

    /// The operator's number, to be kept with the session; kUncounted past the limit.
    std::uint32_t join(std::string_view name);
    void published(std::uint32_t number, std::uint64_t bytes) noexcept;
    void copied(std::uint32_t number, std::uint64_t bytes) noexcept;

    /// In order of their first join.
    [[nodiscard]] const std::vector<Figures>& figures() const noexcept { return figures_; }

private:
    std::vector<Figures> figures_;
};

}  // namespace fastio::service
