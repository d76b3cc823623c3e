#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fastio/fastio.hpp>

#include "reference_model/answer.hpp"
#include "reference_model/step.hpp"

namespace fastio::test {

/// Rules that an oracle can be made to get wrong, to show that a wrong oracle is found out.
enum class Mistake : std::uint8_t {
    none,
    free_keeps_names,
    quota_forgets_the_published,
    versions_count_per_name,
    newer_than_includes,
    failed_publish_drops_the_hold,
    replace_is_announced_as_publish,
    persistent_jobs_end,
    unpublish_of_any_version,
};

/// What the service may count, and what the oracle knows of it.
struct Counts {
    std::uint64_t sessions = 0;
    std::uint64_t contexts = 0;
    std::uint64_t allocations = 0;
    std::uint64_t leases = 0;
    std::uint64_t publications = 0;
    std::uint64_t bytes_in_use = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
};

/// Knows what each step must answer: the documented behaviour of the public API, over maps and vectors, without
/// memory to share, processes or time. All clients are members of job 0 at first.
class Oracle {
public:
    explicit Oracle(std::uint64_t max_allocations, Mistake mistake = Mistake::none);

    /// The answer that Player::play must give.
    [[nodiscard]] std::string play(const Step& step);
    [[nodiscard]] Counts counts() const;

private:
    struct Session;
    struct Memory {
        std::uint64_t size = 0;
        std::uint64_t capacity = 0;
        std::vector<std::byte> contents{};
        std::vector<std::string> names{};  ///< in the order in which they were given
        const Session* holder = nullptr;   ///< its creator, until it publishes
        std::map<const Session*, int> leases{};
    };
    using MemoryPtr = std::shared_ptr<Memory>;
    struct Publication {
        MemoryPtr memory{};
        Described described{};
    };
    struct Job {
        std::string name{};
        std::uint64_t quota = 0;
        std::uint64_t version = 0;
        bool ended = false;
        bool persistent = false;
        std::uint64_t joins = 0;
        std::uint64_t bytes_published = 0;
        std::map<std::string, Publication> names{};
        std::vector<MemoryPtr> memories{};
        std::vector<Session*> members{};
    };
    struct Session {
        std::shared_ptr<Job> job{};
        bool closed = false;
        int users = 1;  ///< its Context, and its Allocations
        std::uint64_t gets = 0;
        std::uint64_t bytes_published = 0;
    };
    using SessionPtr = std::shared_ptr<Session>;
    struct Slot {
        MemoryPtr memory{};
        SessionPtr session{};
        Described described{};
    };
    struct Subscription {
        SessionPtr session{};
        std::string prefix{};
        std::deque<std::string> events{};
    };
    struct Client {
        SessionPtr session{};
        std::array<Slot, kSlots> slots{};
        std::optional<Subscription> watch{};
    };

    [[nodiscard]] std::string play_unguarded(const Step& step);
    [[nodiscard]] SessionPtr join(int job, bool persistent);
    [[nodiscard]] Slot create(const SessionPtr& session, const ArrayChoice& array, std::vector<std::byte> contents);
    void publish(Slot& slot, const Step& step);
    [[nodiscard]] std::optional<Slot> find(const SessionPtr& session, const Step& step, std::uint64_t newer_than);
    void release(Slot& slot);
    void put(Slot& at, Slot&& slot);
    void leave(const SessionPtr& session);
    void unpublish(Job& job, const std::string& name, std::uint64_t only_version = 0);
    void unpublish_all(Job& job, Memory& memory);
    void write(Slot& slot, const Step& step);
    void kill(Client& client);
    [[nodiscard]] std::string find_many(const SessionPtr& session);
    [[nodiscard]] static std::string list(const Job& job, const std::string& prefix);
    [[nodiscard]] std::string next_event(Client& client);
    [[nodiscard]] std::string stats(const Session& session) const;
    [[nodiscard]] std::string inspect(const Step& step) const;
    [[nodiscard]] static std::string publications(const Job& job, const std::string& prefix);
    [[nodiscard]] std::vector<AllocationInfo> allocations(const Job& job) const;
    [[nodiscard]] ContextInfo context(const Job& job) const;
    [[nodiscard]] std::vector<SessionInfo> sessions(const std::string& job) const;
    [[nodiscard]] std::shared_ptr<Job> find_job(const std::string& name) const;
    void tell(const Job& job, WatchEvent::Kind kind, const std::string& name, std::uint64_t version);
    void end(Job& job);
    static void settle(Job& job, const MemoryPtr& memory);

    std::uint64_t max_allocations_;
    Mistake mistake_;
    std::map<std::string, std::shared_ptr<Job>> jobs_{};
    std::vector<SessionPtr> sessions_{};
    std::array<Client, kClients> clients_{};
};

}  // namespace fastio::test
