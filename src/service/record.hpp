#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/shape.hpp"
#include "service/accounts.hpp"
#include "service/slab_pool.hpp"
#include "table/fences.hpp"
#include "table/writer.hpp"

namespace fastio::service {

struct Session;
struct Name;

/// Names that go by themselves, and when.
using Expiries = std::multimap<std::chrono::steady_clock::time_point, Name*>;

/// A publication as the service remembers it privately. Lives in a map node: its address is stable.
struct Name {
    const std::string* text = nullptr;  ///< the map's key
    table::AllocationRef allocation{};
    table::FenceRef fence{};
    Account* account = nullptr;  ///< its publisher's user, charged until the name goes or is another's
    std::uint32_t position = 0;  ///< in its record's names
    std::uint64_t version = 0;
    DataType type = uint8;
    Shape shape{};
    std::uint64_t size = 0;
    std::string publisher{};
    std::int64_t publisher_pid = 0;
    std::chrono::steady_clock::time_point published{};
    std::chrono::nanoseconds time_to_live{0};    ///< 0: it stays
    std::optional<Expiries::iterator> expiry{};  ///< where it stands among those that go by themselves
};

/// A lease entry that its holder gave up with `free`: it is not counted although it may still stand there.
struct GivenUp {
    std::uint64_t session = 0;
    std::uint32_t entry = 0;
    friend bool operator==(const GivenUp&, const GivenUp&) = default;
};

/// The service's private truth about one allocation. The table shows a part of it.
struct Record {
    table::AllocationRef ref{};  ///< generation 0: the slot is vacant
    std::uint64_t size = 0;      ///< as asked for
    std::uint32_t device = 0;
    PlacedBlock placed{};
    Account* account = nullptr;       ///< its creator's user, charged until the memory is back
    Session* holder = nullptr;        ///< its creator, until the first publish, release or free
    std::uint32_t hold_position = 0;  ///< in holder->holds
    std::uint64_t seen = 0;           ///< the last scan that found a lease on it
    bool listed = false;              ///< among the retired that scans look for
    std::vector<Name*> names{};
    std::vector<GivenUp> given_up{};  ///< bounded by kMaxGivenUp
};

/// More entries than this given up on one allocation are counted until they are cleared: a scan looks through them.
inline constexpr std::size_t kMaxGivenUp = 64;

}  // namespace fastio::service
