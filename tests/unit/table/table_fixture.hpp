#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "device/descriptor.hpp"
#include "device/host_identity.hpp"
#include "table/leases.hpp"
#include "table/reader.hpp"
#include "table/writer.hpp"

namespace fastio::test {

[[nodiscard]] inline Descriptor duplicate(int fd) {
    return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

[[nodiscard]] inline table::TableIdentity identity(std::string job = "ct-42") {
    table::TableIdentity identity;
    identity.instance.fill(7);
    identity.boot_id = read_boot_id();
    identity.context_id = 11;
    identity.service_pid = 4711;
    identity.job = std::move(job);
    DeviceInfo device;
    device.name = "host";
    identity.devices = {device};
    return identity;
}

/// One writer. A lock stands for the service's one thread: readers on other threads fetch segments under it.
struct WrittenTable {
    explicit WrittenTable(table::TableLimits limits = {}) : writer(identity(), limits) {}

    /// A live allocation; `size` is also what tells it from others.
    table::AllocationRef live_allocation(std::uint64_t size = 256) {
        const table::AllocationRef allocation = writer.add_allocation({{0, 1}, size * 256, size, size, 0});
        writer.apply(allocation, AllocationEvent::publish);
        return allocation;
    }

    /// Publishes a new allocation of `size` bytes under `name`.
    table::TableWriter::Published publish(std::string_view name, std::uint64_t size = 256, bool replace = false) {
        return writer.publish(entry(name, live_allocation(size), size), replace);
    }

    [[nodiscard]] static table::PublicationEntry entry(std::string_view name, table::AllocationRef allocation,
                                                       std::uint64_t size = 256) {
        table::PublicationEntry entry;
        entry.name = name;
        entry.allocation = allocation;
        entry.shape.rank = 1;
        entry.shape.extents[0] = static_cast<std::int64_t>(size);
        entry.size = size;
        return entry;
    }

    [[nodiscard]] Descriptor header_file() const { return duplicate(writer.segment(table::SegmentKind::header, 0).fd); }

    std::mutex mutex{};
    table::TableWriter writer;
};

/// Gives what the writer has, and counts.
class WriterSource final : public table::SegmentSource {
public:
    explicit WriterSource(WrittenTable& table) : table_(table) {}
    Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override {
        const std::lock_guard lock(table_.mutex);
        ++fetches;
        return duplicate(table_.writer.segment(kind, ordinal).fd);
    }
    int fetches = 0;

private:
    WrittenTable& table_;
};

/// A client's view.
struct Reader {
    explicit Reader(WrittenTable& table) : source(table), reader(table.header_file(), source) {}

    bool lookup(std::string_view name, table::PublicationCopy& copy, std::uint64_t* retries = nullptr) {
        return reader.lookup(name, table::hash_name(name.data(), name.size()), copy, retries);
    }
    [[nodiscard]] bool has(std::string_view name) {
        table::PublicationCopy copy;
        return lookup(name, copy);
    }
    /// The version of a published name, 0 where there is none.
    [[nodiscard]] std::uint64_t version(std::string_view name) {
        table::PublicationCopy copy;
        return lookup(name, copy) ? copy.version : 0;
    }

    WriterSource source;
    table::TableReader reader;
};

/// One session's lease pages, from both sides.
struct Leases {
    explicit Leases(std::uint32_t max_leases = 4096, std::uint32_t chunks = 1)
        : book(max_leases, chunks), pages(duplicate(book.file()), chunks) {}
    table::LeaseBook book;
    table::LeasePages pages;
};

}  // namespace fastio::test
