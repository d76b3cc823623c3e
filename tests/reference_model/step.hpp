#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

namespace fastio::test {

inline constexpr int kClients = 3;
inline constexpr int kSlots = 3;  ///< Allocations that one client can have at a time
inline constexpr int kJobs = 2;
inline constexpr std::uint64_t kQuota = 160 * 1024;  ///< of the first job, bytes; the second has none

/// The calls of the public API that a step can be. In order of how simple they are: shrinking goes towards the first.
enum class Verb : std::uint8_t {
    create,
    publish,
    release,
    get,
    free,
    unpublish,
    unpublish_memory,
    find,
    find_many,
    list,
    read,
    write,
    set_type,
    move,
    publish_array,
    watch,
    next_event,
    stats,
    close,
    join,
    inspect,
    remove,
    end_job,
    kill,
};
inline constexpr int kVerbs = static_cast<int>(Verb::kill) + 1;
[[nodiscard]] const char* to_string(Verb verb);

/// One call with its arguments. Plain numbers, all of them valid for every verb, so that any sequence of steps can be
/// run, and what is left of one after shrinking as well; each number stands for one of the choices below.
struct Step {
    Verb verb = Verb::create;
    int client = 0;
    int slot = 0;   ///< one of the client's Allocations; of the Allocation that a call makes, where it goes
    int other = 0;  ///< move: the slot it comes from; join, inspect, remove, end_job: the job
    int name = 0;
    int array = 0;       ///< type and dimensions
    int attributes = 0;  ///< publish, publish_array
    int value = 0;       ///< the pattern of contents; get, find: newer_than; inspect: what of the job, one of the five
                         ///< below; next_event: one of the three below them; unpublish: of a version
    bool flag = false;   ///< publish: replace; create: zero; get: with a timeout; unpublish: only of the version; join:
                         ///< the job is persistent from then
};
/// What unpublish is given.
[[nodiscard]] std::uint64_t version_of(const Step& step);
/// What inspect shows: the value modulo their number.
enum class View : std::uint8_t { allocations, publications, contexts, sessions, operators };
inline constexpr int kViews = static_cast<int>(View::operators) + 1;
[[nodiscard]] View view_of(const Step& step);

/// next_event is told what the oracle expects, or it could not know for what to wait.
inline constexpr int kExpectNothing = 0;
inline constexpr int kExpectEvent = 1;
inline constexpr int kExpectEnd = 2;

void showValue(const Step& step, std::ostream& out);
/// For the line to a client that is another process.
[[nodiscard]] std::string encode(const Step& step);
[[nodiscard]] Step decode(const std::string& text);

/// What `name` chooses. The first kGoodNames can be published, the others are refused.
inline constexpr int kGoodNames = 4;
inline constexpr int kNames = 7;
[[nodiscard]] const std::string& name_of(int name);
/// "n3" for one of the names above, which may be long or no text.
[[nodiscard]] std::string label_of(const std::string& name);
/// Prefixes for list and watch.
[[nodiscard]] const std::string& prefix_of(int name);

/// What `array` chooses. Behind the first kSmallArrays come such that a quota, the pool or the rules refuse.
struct ArrayChoice {
    DataType type = uint8;
    std::vector<std::int64_t> dimensions{};
    std::uint64_t alignment = 256;
};
inline constexpr int kSmallArrays = 7;
inline constexpr int kArrays = 15;
[[nodiscard]] const ArrayChoice& array_of(int array);

inline constexpr int kAttributes = 6;
[[nodiscard]] const Attributes& attributes_of(int attributes);

[[nodiscard]] std::string job_of(int job);

/// The contents that `value` stands for.
[[nodiscard]] std::vector<std::byte> pattern_of(int value, std::uint64_t size);

}  // namespace fastio::test
