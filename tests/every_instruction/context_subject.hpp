#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/context.hpp"
#include "service/poller.hpp"
#include "stepped_process.hpp"
#include "table/leases.hpp"

namespace fastio::test {

/// The service's Context with two members, as its control thread has it after their requests: a producer, whose lease
/// pages are written here, and a consumer, whose pages are written by the tracer.
class ContextWorld {
public:
    ContextWorld();

    /// An allocation that the producer holds.
    [[nodiscard]] table::AllocationRef create(std::uint64_t size = 384);
    /// What the producer does to publish: its lease, then the request. The dimensions are {3, size / 3}.
    void publish(std::string_view name, table::AllocationRef allocation, std::uint64_t size = 384,
                 std::string_view remark = {}, bool replace = false, table::FenceRef fence = {});
    table::AllocationRef publish_new(std::string_view name, std::uint64_t size = 384, std::string_view remark = {}) {
        const table::AllocationRef allocation = create(size);
        publish(name, allocation, size, remark);
        return allocation;
    }
    /// The first word of the producer's, which uses streams from now on.
    [[nodiscard]] std::uint32_t grant_fences();
    /// The producer's `free`, or its release of a lease.
    void free(table::AllocationRef allocation);
    void release(table::AllocationRef allocation);
    void release_all();
    [[nodiscard]] std::vector<SubjectFile> files() const;
    [[nodiscard]] int consumer_leases() const noexcept { return consumer.leases->file(); }

    service::Poller poller{};
    service::Watchers watchers{poller};
    std::vector<std::uint64_t> touched{};
    service::Context context;
    service::Account account{};
    service::Session producer{};
    service::Session consumer{};
    std::unique_ptr<table::LeasePages> producer_pages{};

private:
    [[nodiscard]] std::uint32_t lease_of(table::AllocationRef allocation) const;

    std::map<table::AllocationRef, std::uint32_t> leases_{};  ///< the producer's
    bool has_fences_ = false;
};

/// One routine in such a world.
class ContextSubject final : public Subject {
public:
    using Routine = std::function<void(ContextWorld&)>;
    ContextSubject(const Routine& prepare, Routine routine) : routine_(std::move(routine)) { prepare(world_); }

    [[nodiscard]] std::vector<SubjectFile> files() const override { return world_.files(); }
    void run() override { routine_(world_); }
    /// First a scan; then another one, when the producer has no lease any more.
    void settle() override;

    [[nodiscard]] static MakeSubject make(Routine prepare, Routine routine);

private:
    ContextWorld world_{};
    Routine routine_;
    bool settled_ = false;
};

}  // namespace fastio::test
