// On the files that a client was given: the table, its lease pages, slabs.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "attacks.hpp"
#include "core/attributes.hpp"

namespace fastio::test {
namespace {

/// A member that keeps the files that it was given.
struct Member {
    explicit Member(const std::string& socket) : client(RawClient::visitor(socket)) {
        wire::Join join{};
        join.job = text("job");
        client->ask<wire::JoinReply>(join);
        header = std::move(client->packet.descriptors[0]);
        leases = std::move(client->packet.descriptors[1]);
        allocation = client->create(1000);
        wire::Slab request{};
        request.index = allocation.slab;
        request.generation = allocation.slab_generation;
        client->ask<wire::SlabReply>(request);
        slab = std::move(client->packet.descriptors[0]);  // the memory of a GPU has none
        client->ask<wire::FencesReply>(wire::GrantFences{});
        fences = std::move(client->packet.descriptors[0]);
        make_attributes();
        segments.push_back(client->fetch(table::SegmentKind::attributes, 0));
        for (const auto kind : {table::SegmentKind::index, table::SegmentKind::publications,
                                table::SegmentKind::allocations, table::SegmentKind::slabs}) {
            segments.push_back(client->fetch(kind, 0));
        }
    }
    [[nodiscard]] std::vector<int> table_files() const {
        std::vector<int> files{header.get()};
        for (const Descriptor& segment : segments) {
            files.push_back(segment.get());
        }
        return files;
    }
    [[nodiscard]] std::vector<int> files() const {
        std::vector<int> all = table_files();
        all.push_back(leases.get());
        all.push_back(fences.get());
        if (slab) {
            all.push_back(slab.get());
        }
        return all;
    }
    [[nodiscard]] std::uint64_t* map_leases(std::size_t& words) const {
        struct stat status {};
        require(::fstat(leases.get(), &status) == 0, "fstat");
        words = static_cast<std::size_t>(status.st_size) / 8;
        void* const at = ::mmap(nullptr, words * 8, PROT_READ | PROT_WRITE, MAP_SHARED, leases.get(), 0);
        require(at != MAP_FAILED, "a client must be able to map its lease pages");
        return static_cast<std::uint64_t*>(at);
    }
    /// The segment of attributes is made for the first publication that has some.
    void make_attributes() const {
        const std::vector<std::byte> encoded = encode_attributes({{"key", "value"}});
        wire::AttributesPart part{};
        part.bytes = static_cast<std::uint32_t>(encoded.size());
        std::ranges::copy(encoded, part.data);
        client->send(part);
        wire::Publish message = client->publish_message(client->create(8), "with attributes", 8);
        message.attribute_bytes = part.bytes;
        client->ask<wire::PublishReply>(message);
        wire::Unpublish unpublish{};
        unpublish.name = text("with attributes");
        client->ask<wire::Ok>(unpublish);
    }
    void have_them_scanned() const {
        client->free(client->create(100), wire::kNoLease);
        client->stats();
    }

    std::unique_ptr<RawClient> client;
    Descriptor header;
    Descriptor leases;
    Descriptor fences;
    Descriptor slab;
    std::vector<Descriptor> segments;
    wire::CreateReply allocation;
};

std::string proc_path(int file) {
    return "/proc/self/fd/" + std::to_string(file);
}

void try_to_write(int file) {
    require(::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED,
            "the table could be mapped for writing");
    require(::pwrite(file, "x", 1, 0) < 0, "the table could be written");
    void* const mapped = ::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, file, 0);
    require(mapped != MAP_FAILED && ::mprotect(mapped, kPage, PROT_READ | PROT_WRITE) != 0,
            "a mapping of the table could be made writable");
}

void write_the_table(const std::string& socket) {
    const Member member(socket);
    for (const int file : member.table_files()) {
        try_to_write(file);
        for (const int mode : {O_RDWR, O_WRONLY, O_RDWR | O_TRUNC}) {
            if (const Descriptor again{::open(proc_path(file).c_str(), mode | O_CLOEXEC)}) {
                require(::pwrite(again.get(), "x", 1, 0) < 0, "the table could be written when it was opened again");
                require(::mmap(nullptr, kPage, PROT_WRITE, MAP_SHARED, again.get(), 0) == MAP_FAILED,
                        "the table could be mapped for writing when it was opened again");
            }
        }
    }
}

void resize(const std::string& socket) {
    const Member member(socket);
    for (const int file : member.files()) {
        struct stat before {};
        struct stat after {};
        require(::fstat(file, &before) == 0, "fstat");
        for (const off_t size : {off_t{0}, off_t{1}, before.st_size - 1, before.st_size + 1, off_t{1} << 40}) {
            require(::ftruncate(file, size) != 0, "a file could be resized");
            require(::truncate(proc_path(file).c_str(), size) != 0, "a file could be resized by its path");
        }
        require(::fallocate(file, 0, before.st_size, kPage) != 0, "a file could be made longer");
        require(::fallocate(file, FALLOC_FL_COLLAPSE_RANGE, 0, kPage) != 0, "a range could be cut out");
        require(::fstat(file, &after) == 0 && after.st_size == before.st_size, "a file has another size");
    }
}

void seal(const std::string& socket) {
    const Member member(socket);
    for (const int file : member.files()) {
        const int before = ::fcntl(file, F_GET_SEALS);
        for (const int seal : {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL, F_SEAL_GROW, F_SEAL_SHRINK}) {
            require(::fcntl(file, F_ADD_SEALS, seal) != 0, "a file could be sealed further: " + std::to_string(seal));
        }
        require(::fcntl(file, F_GET_SEALS) == before, "a file has other seals");
    }
}

void punch_holes(const std::string& socket) {
    const Member member(socket);
    for (const int file : member.table_files()) {
        for (const int mode : {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE}) {
            require(::fallocate(file, mode, 0, kPage) != 0, "a hole was punched in the table");
        }
    }
    // Its own pages are its own loss: they read as 0, nothing is leased.
    require(::fallocate(member.leases.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPage) == 0,
            "a client can throw its own lease pages away");
    member.have_them_scanned();
}

void scribble(const std::string& socket) {
    const Member member(socket);
    std::size_t words = 0;
    std::uint64_t* const leases = member.map_leases(words);
    std::mt19937_64 random(5);
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < words; ++i) {
            leases[i] = random();
        }
        member.have_them_scanned();
        for (std::size_t i = 0; i < words; ++i) {  // nearly good: small slots, small generations
            leases[i] = (random() & 0x3'8000'003f) | ((random() & 3) << 32);
        }
        member.have_them_scanned();
    }
}

void lease_everything(const std::string& socket) {
    const Member member(socket);
    std::size_t words = 0;
    std::uint64_t* const leases = member.map_leases(words);
    for (std::uint64_t slot = 0; slot < table::kLeasesPerChunk; ++slot) {
        leases[slot] = slot | (std::uint64_t{1} << 32);
    }
    member.have_them_scanned();
    for (std::uint32_t slot = 0; slot < 8; ++slot) {  // and frees what is others', with a lease that it forged
        wire::Nudge nudge{};
        nudge.slot = slot;
        nudge.generation = 1;
        member.client->send(nudge);
    }
    member.client->stats();
}

}  // namespace

std::vector<Attack> memory_attacks() {
    return {{"writes_the_table", write_the_table},
            {"resizes_files", resize},
            {"seals_files", seal},
            {"punches_holes", punch_holes},
            {"scribbles_over_leases", scribble},
            {"leases_everything", lease_everything}};
}

}  // namespace fastio::test
