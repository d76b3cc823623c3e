// Lease pages from both sides. The service scans what a client wrote there, which may be anything; a client maps a file
// that may be of any size, and uses it as its leases.
//
// Byte 0: the half of a chunk from which the words are written, or bit 7: then the client's side, whose input is the
// size of the file, what is granted, and calls.
#include "table/leases.hpp"

#include <algorithm>
#include <map>

#include "device/memfd.hpp"
#include "input.hpp"
#include "table/reader.hpp"
#include "table_image.hpp"

namespace {

using fastio::Errc;
using namespace fastio::fuzz;
namespace table = fastio::table;

constexpr std::uint32_t kChunks = 2;
constexpr std::uint32_t kEntries = kChunks * table::kLeasesPerChunk;
constexpr std::uint32_t kWordsPerStart = table::kLeasesPerChunk / 2;
constexpr std::uint64_t kChunkBytes = std::uint64_t{table::kLeasesPerChunk} * 8;

/// A session's book, and the client's mapping of it. The last chunk is not granted.
struct Pages {
    table::LeaseBook book{(kChunks + 1) * table::kLeasesPerChunk, kChunks};
    fastio::Mapping client{book.file(), (kChunks + 1) * kChunkBytes, fastio::Mapping::Access::read_write};
    [[nodiscard]] std::uint64_t* words() const { return reinterpret_cast<std::uint64_t*>(client.data()); }
};

void scan(std::uint8_t start, Input& input) {
    static const Pages pages;
    std::map<std::uint32_t, std::uint64_t> written;
    std::uint32_t entry = start * kWordsPerStart;
    while (!input.empty() && entry < kEntries + table::kLeasesPerChunk) {
        const auto word = input.take<std::uint64_t>();
        pages.words()[entry] = word;
        written[entry++] = word;
    }
    std::size_t visited = 0;
    pages.book.scan([&](table::AllocationRef allocation, std::uint32_t index, bool by_stream) {
        ++visited;
        require(index < kEntries, "only granted entries are visited");
        const std::uint64_t word = written.at(index);
        require(word != 0, "only entries in use are visited");
        require(by_stream == ((word & table::kClearedByStream) != 0), "the mark is told");
        require(table::pack_lease(allocation.slot, allocation.generation) == (word & ~table::kClearedByStream),
                "the lease is what was written");
        require(pages.book.entry(index) == (word & ~table::kClearedByStream), "one entry says the same");
    });
    std::size_t expected = 0;
    for (const auto& [index, word] : written) {
        expected += index < kEntries && word != 0 ? 1 : 0;
        require(index < kEntries || pages.book.entry(index) == 0, "what is not granted says nothing");
        pages.words()[index] = 0;
    }
    require(visited == expected, "every entry in use is visited once");
}

/// A table in which no allocation is retired, and of which there are as many segments as an image has.
class Source final : public table::SegmentSource {
public:
    fastio::Descriptor fetch(table::SegmentKind kind, std::uint32_t ordinal) override {
        fastio::Descriptor file = image.file(kind, ordinal);
        if (!file) {
            throw fastio::Error(Errc::protocol_error, "there is no such segment");
        }
        return file;
    }
    TableImage image{};
};

void drop(table::LeasePages& pages, std::uint32_t entry, table::AllocationRef allocation) {
    static Source source;
    static table::TableReader reader(source.image.file(table::SegmentKind::header, 0), source);
    std::size_t nudges = 0;
    table::drop_lease(reader, pages, allocation, entry, [&](table::AllocationRef) { ++nudges; });
    const bool is_known = allocation.slot < TableImage::kOrdinals * table::kAllocationsPerSegment;
    require(nudges == (is_known ? 0 : 1), "what cannot be looked at is told of, and nothing else");
}

void call(table::LeasePages& pages, std::map<std::uint32_t, std::uint64_t>& model, Input& input) {
    const auto what = input.take<std::uint8_t>();
    const auto number = input.take<std::uint16_t>();
    const std::uint32_t entries = pages.granted_chunks() * table::kLeasesPerChunk;
    switch (what % 6) {
        case 0: {
            const table::AllocationRef allocation{number, 1};
            const auto entry = pages.claim(allocation);
            require(entry.has_value() == (model.size() < entries), "an entry is found if one is free");
            if (entry) {
                require(*entry < entries && !model.contains(*entry), "it is granted, and was free");
                model[*entry] = table::pack_lease(allocation.slot, allocation.generation);
            }
            break;
        }
        case 1:
            if (number < entries) {
                drop(pages, number, {number * (what / 6U), 1});
                model.erase(number);
            }
            break;
        case 2:
            if (const auto found = model.find(number); found != model.end()) {
                pages.leave_to_stream(number);
                found->second |= table::kClearedByStream;
                require(pages.entry_word(number).load() == found->second, "the lease stays, with the mark");
            }
            break;
        case 3:
            pages.grant(number);
            require(pages.granted_chunks() * table::kLeasesPerChunk >= entries, "a grant is never taken back");
            require(pages.granted_chunks() * kChunkBytes <= pages.mapping().size(), "it ends with the file");
            break;
        case 4:  // every entry but some
            for (std::uint32_t i = model.size(); i + number % 4 < entries; ++i) {
                const auto entry = pages.claim({number, 2});
                require(entry.has_value(), "there is a free entry");
                model[*entry] = table::pack_lease(number, 2);
            }
            break;
        default:
            require(pages.in_use() == model.size(), "as many are in use as were claimed");
            require(pages.any_left_to_stream() ==
                        std::ranges::any_of(
                            model, [](const auto& entry) { return (entry.second & table::kClearedByStream) != 0; }),
                    "whether a stream is to clear one is known");
    }
}

void use(Input& input) {
    const auto limit = input.take<std::uint16_t>();
    const auto chunks = input.take<std::uint8_t>();
    attempt({Errc::invalid_argument}, [&] {
        table::LeaseBook book(limit % 2048, chunks % 8);
        while (book.grant()) {
        }
        require(book.granted_chunks() == book.max_chunks(), "it grants up to its limit");
    });
    const std::uint64_t bytes = input.take<std::uint8_t>() % 4 * kChunkBytes + input.take<std::uint8_t>();
    const auto granted = input.take<std::uint8_t>();
    attempt({Errc::protocol_error}, [&] {
        fastio::Descriptor file = fastio::make_memfd("leases", bytes);
        if (granted < 128) {
            fastio::seal_size(file.get());
        }
        table::LeasePages pages(std::move(file), granted);
        require(granted < 128 && bytes > 0 && bytes % kChunkBytes == 0, "the file is sealed and whole");
        std::map<std::uint32_t, std::uint64_t> model;
        for (int calls = 0; !input.empty() && calls < 64; ++calls) {
            call(pages, model, input);
        }
        // What a child forgets stays mapped, and a process has 65,530 mappings.
        static int abandoned = 0;
        if (abandoned < 1'000) {
            ++abandoned;
            pages.abandon();
            require(pages.claim_entry({1, 1}) == table::LeasePages::kNoEntry, "a forked child has no entries");
        }
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    Input input(data, bytes);
    const auto start = input.take<std::uint8_t>();
    if ((start & 0x80) != 0) {
        use(input);
    } else {
        scan(start % (2 * (kChunks + 1)), input);
    }
    return 0;
}
