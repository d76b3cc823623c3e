#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "raw_client.hpp"

namespace fastio::test {

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

inline void require(bool holds, const std::string& what) {
    if (!holds) {
        throw std::runtime_error(what);
    }
}

/// Calls `commit(i)` for each i below `count`, in processes one after another, so that sessions that were cut do not
/// pile up in quarantine. `commit` returns true when it cost a session.
void in_processes(std::size_t count, const std::function<bool(std::size_t)>& commit);

}  // namespace fastio::test
