#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "raw_client.hpp"

namespace fastio::test {

inline constexpr std::size_t kPage = 4096;

/// Something that a hostile client, a process of its own, does to the service and to the context "job". An attack that
/// gets what it must not get throws std::runtime_error.
struct Attack {
    std::string name;
    std::function<void(const std::string& socket)> run;
};
[[nodiscard]] std::vector<Attack> memory_attacks();
[[nodiscard]] std::vector<Attack> message_attacks();
[[nodiscard]] std::vector<Attack> connection_attacks();
/// These have descriptor 3: what they leave behind lives until it ends.
[[nodiscard]] std::vector<Attack> process_attacks();

/// What a client can ask once it has said hello. Each is an attack of its own, by a visitor and by a member: the
/// sessions that one leaves in quarantine make the sums that the next asks for slower, and who asks for much rests.
inline constexpr const char* kRequestNames[] = {"create",
                                                "publish",
                                                "slab",
                                                "segment",
                                                "free",
                                                "release_hold",
                                                "nudge",
                                                "watch",
                                                "unwatch",
                                                "unpublish",
                                                "admin_unpublish",
                                                "end_context",
                                                "attributes",
                                                "copied",
                                                "grant_fences",
                                                "context_stats",
                                                "totals",
                                                "list_contexts",
                                                "list_sessions",
                                                "list_allocations",
                                                "list_publications",
                                                "list_operators"};
[[nodiscard]] inline std::string attack_with_extremes(const std::string& request, bool of_a_member) {
    return "sends_every_field_of_" + request + "_at_its_extremes_as_a_" + (of_a_member ? "member" : "visitor");
}

inline void require(bool holds, const std::string& what) {
    if (!holds) {
        throw std::runtime_error(what);
    }
}

/// Calls `commit(i)` for each i below `count`, in processes one after another, each when the sessions of the ones
/// before have left quarantine. `commit` returns true when it cost a session.
void in_processes(const std::string& socket, std::size_t count, const std::function<bool(std::size_t)>& commit);

}  // namespace fastio::test
