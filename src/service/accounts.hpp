#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>

#include "service/line_budget.hpp"
#include "service/time_share.hpp"

namespace fastio::service {

/// What one user's clients use.
struct Account {
    std::uint64_t bytes = 0;  ///< in allocations that they created, until the memory is back
    std::uint64_t allocations = 0;
    std::uint64_t names = 0;     ///< that they published last, in all contexts
    std::uint64_t sessions = 0;  ///< joined, quarantined ones included
    TimeShare time{2};           ///< of the control thread's
    LineBudget lines{};          ///< of the log
};

/// By user id. References stay valid: there are as many as users.
class Accounts {
public:
    [[nodiscard]] Account& of(uid_t uid) { return accounts_[uid]; }
    /// Null where there is none yet.
    [[nodiscard]] Account* find(uid_t uid) noexcept {
        const auto found = accounts_.find(uid);
        return found == accounts_.end() ? nullptr : &found->second;
    }

private:
    std::map<uid_t, Account> accounts_;
};

}  // namespace fastio::service
