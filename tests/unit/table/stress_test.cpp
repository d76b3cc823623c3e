// Design P2 with threads: nothing is reclaimed while a lease that counts stands. Made for the thread sanitizer too.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/watchdog.hpp"
#include "table_fixture.hpp"

namespace fastio::table {
namespace {

using test::Leases;
using test::Reader;
using test::WrittenTable;

constexpr std::uint32_t kNames = 6;
constexpr std::uint32_t kClients = 3;
constexpr std::uint32_t kSlots = 4 * kAllocationsPerSegment;
constexpr int kRounds = 20'000;
constexpr std::uint64_t kSeed = 20260729;

std::string name_of(std::uint64_t number) {
    return "name" + std::to_string(number % kNames);
}

/// The service's part: replaces names, retires what lost them, reclaims what no lease protects.
class Service {
public:
    explicit Service(WrittenTable& table) : table_(table) {
        for (std::uint32_t i = 0; i < kClients; ++i) {
            clients.push_back(std::make_unique<Leases>());
        }
    }

    void publish(const std::string& name) {
        const std::lock_guard lock(table_.mutex);
        const AllocationRef allocation = table_.live_allocation();
        // Stands for the contents: right for as long as the memory belongs to this allocation.
        contents[allocation.slot] = allocation.generation;
        const auto published = table_.writer.publish(WrittenTable::entry(name, allocation), true);
        if (published.replaced) {
            retire(*published.replaced);
        }
    }

    void unpublish(const std::string& name) {
        const std::lock_guard lock(table_.mutex);
        if (const auto allocation = table_.writer.unpublish(name)) {
            retire(*allocation);
        }
    }

    /// One scan serves the batch. True when nothing is left.
    bool reclaim() {
        const std::lock_guard lock(table_.mutex);
        std::set<AllocationRef> leased;
        for (const auto& client : clients) {
            client->book.scan([&](AllocationRef allocation, std::uint32_t, bool) { leased.insert(allocation); });
        }
        std::vector<AllocationRef> kept;
        for (const AllocationRef allocation : retired_) {
            if (leased.contains(allocation)) {
                kept.push_back(allocation);
                continue;
            }
            contents[allocation.slot] = 0;
            table_.writer.apply(allocation, AllocationEvent::reclaim);
            ++reclaimed;
        }
        retired_ = std::move(kept);
        return retired_.empty();
    }

    std::vector<std::unique_ptr<Leases>> clients;
    std::array<std::atomic<std::uint32_t>, kSlots> contents{};
    std::uint64_t reclaimed = 0;

private:
    void retire(AllocationRef allocation) {
        table_.writer.apply(allocation, AllocationEvent::last_name);
        retired_.push_back(allocation);
    }

    WrittenTable& table_;
    std::vector<AllocationRef> retired_;
};

struct Seen {
    std::uint64_t acquired = 0;
    std::uint64_t changed = 0;    ///< contents that were not the allocation's while it was leased
    std::uint64_t backwards = 0;  ///< versions that fell
};

Seen read_names(TableReader& reader, LeasePages& leases, Service& service, const std::atomic<bool>& stop,
                std::uint64_t seed) {
    Seen seen;
    std::mt19937_64 random(seed);
    std::array<std::uint64_t, kNames> last{};
    Acquired acquired;
    std::uint64_t retries = 0;
    while (!stop || seen.acquired == 0) {
        const std::uint64_t number = random() % kNames;
        const std::string name = name_of(number);
        if (acquire(reader, leases, name, hash_name(name.data(), name.size()), 0, acquired, retries,
                    [](AllocationRef) {}) != AcquireResult::acquired) {
            continue;
        }
        ++seen.acquired;
        const AllocationRef allocation = acquired.copy.allocation;
        for (std::uint64_t look = random() % 50; look > 0; --look) {
            seen.changed += service.contents[allocation.slot] != allocation.generation ? 1 : 0;
        }
        seen.changed += reader.allocation_state(allocation.slot).generation != allocation.generation ? 1 : 0;
        seen.backwards += acquired.copy.version < last[number] ? 1 : 0;
        last[number] = acquired.copy.version;
        leases.drop(acquired.lease);
    }
    return seen;
}

void write_names(Service& service, bool with_gaps) {
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < kRounds; ++round) {
        const std::string name = name_of(random());
        if (with_gaps && random() % 4 == 0) {
            service.unpublish(name);
        } else {
            service.publish(name);
        }
        if (round % 16 == 0) {
            service.reclaim();
        }
    }
}

void run(bool with_gaps, bool one_reader) {
    const test::Watchdog watchdog("the readers and the writer of a stressed table");
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    WrittenTable table;
    Service service(table);
    for (std::uint32_t i = 0; i < kNames; ++i) {
        service.publish(name_of(i));
    }
    std::vector<std::unique_ptr<Reader>> readers;
    for (std::uint32_t i = 0; i < kClients; ++i) {
        readers.push_back(std::make_unique<Reader>(table));
    }
    std::atomic<bool> stop{false};
    std::array<Seen, kClients> seen{};
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < kClients; ++i) {
        Reader& reader = *readers[one_reader ? 0 : i];
        Leases& leases = *service.clients[one_reader ? 0 : i];
        threads.emplace_back([&, i] { seen[i] = read_names(reader.reader, leases.pages, service, stop, kSeed + i); });
    }
    write_names(service, with_gaps);
    for (std::uint32_t i = 0; i < kNames; ++i) {
        service.publish(name_of(i));
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const Seen& one : seen) {
        EXPECT_GT(one.acquired, 0U);
        EXPECT_EQ(one.changed, 0U);
        EXPECT_EQ(one.backwards, 0U);
    }
    EXPECT_TRUE(service.reclaim()) << "a lease was left behind";
    EXPECT_EQ(table.writer.allocations(), kNames);
    EXPECT_GT(service.reclaimed, 1'000U);
}

TEST(TableStress, LeasesProtectWhileNamesAreReplaced) {
    run(false, false);
}

TEST(TableStress, LeasesProtectWhileNamesComeAndGo) {
    run(true, false);
}

TEST(TableStress, ThreadsOfOneClientShareReaderAndLeasePages) {
    run(true, true);
}

/// Every other version has none.
std::size_t attribute_bytes(std::uint64_t number) {
    return number % 2 == 0 ? 0 : number % 100;
}

TEST(TableStress, CopiesAreOfOneVersion) {
    const test::Watchdog watchdog("the readers of a name that is replaced");
    WrittenTable table;
    const AllocationRef allocation = table.live_allocation();
    std::vector<std::byte> attributes;
    const auto publish = [&](std::uint64_t number) {
        PublicationEntry entry = WrittenTable::entry("hot", allocation, number);
        attributes.assign(attribute_bytes(number), static_cast<std::byte>(number));
        entry.attributes = attributes;
        entry.publisher_pid = static_cast<std::int64_t>(number);
        entry.fence_value = number;
        entry.shape = {{}, static_cast<std::uint32_t>(number % 9)};
        entry.shape.extents.fill(static_cast<std::int64_t>(number));
        const std::lock_guard lock(table.mutex);
        static_cast<void>(table.writer.publish(entry, true));
    };
    publish(1);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> torn{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            Reader client(table);
            PublicationCopy copy;
            std::uint64_t looks = 0;
            while (!stop || looks == 0) {
                ++looks;
                bool whole = client.lookup("hot", copy) && copy.version == copy.size &&
                             copy.publisher_pid == static_cast<std::int64_t>(copy.size) &&
                             copy.fence_value == copy.size && copy.shape.rank == copy.size % 9 &&
                             copy.attributes.size() == attribute_bytes(copy.size);
                for (const std::byte byte : copy.attributes) {
                    whole = whole && byte == static_cast<std::byte>(copy.size);
                }
                for (const std::int64_t extent : copy.shape.span()) {
                    whole = whole && extent == static_cast<std::int64_t>(copy.size);
                }
                torn += whole ? 0 : 1;
            }
        });
    }
    for (std::uint64_t number = 2; number <= 30'000; ++number) {
        publish(number);
    }
    stop = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(torn, 0U);
}

}  // namespace
}  // namespace fastio::table
