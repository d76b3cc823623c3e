#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "table/fences.hpp"
#include "table/writer.hpp"

namespace fastio::service {

/// The publications of one context whose contents streams had not completed when they were published (design P6, P7).
/// Keeps no clock: who calls says what time it is.
///
/// *Invariants.*
/// 1. An allocation is poisoned before the word that stands for its contents is completed, so that whoever sees the
///    word complete also finds the poison.
/// 2. A word is completed with exactly the awaited value, and never goes back.
class Fences {
public:
    using Clock = std::chrono::steady_clock;

    explicit Fences(table::TableWriter& writer) : writer_(writer) {}

    /// 64 more words for a session; empty when the context has no more. Errors: out_of_memory, io_error.
    [[nodiscard]] std::optional<std::uint32_t> grant(std::uint64_t session);
    /// The file to pass to clients. Errors: those of grant.
    [[nodiscard]] int file() { return book().file(); }

    /// Whether what was published behind the fence is complete.
    [[nodiscard]] bool is_complete(table::FenceRef fence) const noexcept;
    /// Whether contents that the fence stands for are still to come. Errors: permission_denied (not the session's
    /// word), protocol_error (a word that is in use).
    [[nodiscard]] bool is_pending(std::uint64_t session, table::FenceRef fence, std::string_view name) const;
    void add(std::uint64_t session, table::FenceRef fence, table::AllocationRef allocation, std::string_view name,
             Clock::time_point since);

    /// Undoes add.
    void forget(std::uint32_t word) noexcept { pending_.erase(word); }

    /// A publication that was given up.
    struct Lost {
        std::string name{};
        std::uint64_t session = 0;
    };
    /// The session has ended without a bye: poisons what it had not completed.
    [[nodiscard]] std::vector<Lost> poison(std::uint64_t session);
    /// It is over (design P3): completes its words. `said_bye`: they may be granted again.
    void finish(std::uint64_t session, bool said_bye);
    /// Poisons and completes what was published before `before`, that of dead sessions included. Gives what was not
    /// given up before.
    [[nodiscard]] std::vector<Lost> expire(Clock::time_point before);
    /// When the oldest pending one was published; forgets those that were completed.
    [[nodiscard]] std::optional<Clock::time_point> oldest();

private:
    struct Pending {
        std::uint64_t session = 0;
        std::uint64_t value = 0;
        table::AllocationRef allocation{};
        std::string name{};
        Clock::time_point since{};
        bool poisoned = false;
    };
    using Entry = std::map<std::uint32_t, Pending>::value_type;
    [[nodiscard]] table::FenceBook& book();
    [[nodiscard]] bool is_complete(const Entry& entry) const noexcept;
    void poison(Entry& entry, std::vector<Lost>& lost);

    table::TableWriter& writer_;
    std::optional<table::FenceBook> book_{};  ///< made for the first member that uses streams
    /// By word: one is taken again only after it was completed, so that there are never more than words.
    std::map<std::uint32_t, Pending> pending_{};
};

}  // namespace fastio::service
