#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "service/allocations.hpp"
#include "service/record.hpp"

namespace fastio::service {

/// The names of one context, in order, and which allocation each leads to.
///
/// *Invariants.*
/// 1. A name stands here exactly when it stands in the table.
/// 2. A name stands in its record's `names` at its `position`.
/// 3. A name is charged to one account from its publish on until it goes, or is published for another account.
/// 4. A record without names and without a hold is retired.
/// 5. A name with a time to live stands among the expiries at `expiry`, at the end of that time; no other does.
class Publications {
public:
    using Names = std::map<std::string, Name, std::less<>>;

    Publications(table::TableWriter& writer, Allocations& allocations) : writer_(writer), allocations_(allocations) {}

    struct Outcome {
        std::uint64_t version = 0;
        bool replaced = false;
    };
    /// Binds entry.name to `record`, whose hold goes, and charges `account` for it. Errors: already_exists (without
    /// `replace`), table_full, out_of_memory; then nothing changed.
    Outcome publish(Record& record, Account& account, const table::PublicationEntry& entry, bool replace);

    /// Whether `account` is charged for this name.
    [[nodiscard]] bool charges(const Account& account, std::string_view name) const;

    /// When the next name goes by itself.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_expiry() const;
    /// The one that goes next.
    [[nodiscard]] std::string_view next_to_expire() const noexcept { return *expiries_.begin()->second->text; }

    void remove(Names::iterator name);
    void remove_all() noexcept;

    [[nodiscard]] const Names& names() const noexcept { return names_; }
    [[nodiscard]] Names::iterator find(std::string_view name) { return names_.find(name); }

private:
    void attach(Record& record, Name& name, Expiries::node_type&& expiry);
    void detach(Name& name) noexcept;
    void make_live(Record& record, AllocationState before, const table::PublicationEntry& entry, bool replace,
                   table::TableWriter::Published& published);

    table::TableWriter& writer_;
    Allocations& allocations_;
    Names names_;
    Expiries expiries_;
};

}  // namespace fastio::service
