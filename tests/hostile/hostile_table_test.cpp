// A service whose messages are honest and whose table lies: every call of a whole client ends, with a result or a typed
// error, and nothing that it gives is outside of a slab.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <random>

#include "device/mapping.hpp"
#include "device/memfd.hpp"
#include "hostile_service.hpp"
#include "table/layout.hpp"

namespace fastio::test {
namespace {

using wire::Kind;

/// "/memfd:fastio-table-index (deleted)" is the index.
std::string segment_name(int file) {
    char path[256] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(file);
    if (::readlink(link.c_str(), path, sizeof(path) - 1) < 0) {
        return {};
    }
    const std::string text = path;
    const std::string before = "/memfd:fastio-table-";
    return text.starts_with(before) ? text.substr(before.size(), text.find(' ') - before.size()) : "";
}

/// A segment as the client sees it, which is not the service's.
struct Copy {
    Descriptor file;
    Mapping mapping;

    explicit Copy(int original) {
        const std::uint64_t bytes = file_bytes(original);
        const Mapping from(original, bytes, Mapping::Access::read_only);
        file = make_memfd("copy", bytes);
        mapping = Mapping(file.get(), bytes, Mapping::Access::read_write);
        std::memcpy(mapping.data(), from.data(), bytes);
        seal_size(file.get());
    }
    [[nodiscard]] std::uint32_t* word(std::size_t offset) {
        return reinterpret_cast<std::uint32_t*>(mapping.data() + offset);
    }
};

/// Words of four bytes in a segment, of those that a client of the host looks at.
struct Range {
    const char* segment;
    std::size_t begin;
    std::size_t end;
};
constexpr Range kRanges[] = {
    {"header", 0, offsetof(table::TableHeader, devices) + sizeof(table::DeviceEntry)},
    {"header", offsetof(table::TableHeader, index_state), offsetof(table::TableHeader, buckets) + 64},
    {"publications", 0, 2 * sizeof(table::PublicationRecord)},
    {"attributes", 0, 64},
    {"allocations", 0, 2 * sizeof(table::AllocationRecord)},
};

/// Where the index has a name, if its place was free.
std::size_t home_of(std::string_view name) {
    const std::uint64_t hash = table::hash_name(name.data(), name.size());
    return static_cast<std::uint32_t>(hash) % table::kFirstIndexCapacity * sizeof(std::uint64_t);
}

class HostileTable : public HostileServiceTest {
protected:
    HostileTable() {
        theirs_ = ctx_.create(uint16, {2, 3, 4});
        const std::string text(48, 't');
        theirs_.copy_from(text.data(), text.size());
        theirs_.publish("theirs", {.replace = true, .attributes = {{"key", "value"}, {"unit", "mm"}}});
        middle_.change([this](Kind kind, Reply& reply) {
            if ((kind == Kind::join_reply || kind == Kind::segment_reply) && !reply.descriptors.empty()) {
                give_copy(reply.descriptors[0]);
            }
        });
    }

    ~HostileTable() override {
        middle_.change([](Kind, Reply&) {});
    }

    using OnCopy = std::function<void(const std::string& segment, Copy&)>;
    /// What is done to each segment before the client has it.
    void on_copy(OnCopy change) {
        const std::lock_guard lock(mutex_);
        on_copy_ = std::move(change);
    }
    /// As the last client has it.
    [[nodiscard]] Copy& copy_of(const std::string& segment) {
        const std::lock_guard lock(mutex_);
        return copies_.at(segment);
    }

    /// All that reads the table. What is found is where it says that it is.
    void look(Context& ctx) {
        const auto call = [](auto&& body) { static_cast<void>(outcome_of(body)); };
        call([&] { touch(ctx.get("theirs", kShort)); });
        call([&] { static_cast<void>(ctx.get("absent", kShort)); });
        call([&] {
            const std::vector<std::string> names{"theirs", "absent", "theirs"};
            for (const auto& found : ctx.find_many(names, kShort)) {
                if (found) {
                    touch(*found);
                }
            }
        });
        call([&] {
            for (const PublicationInfo& one : ctx.list()) {
                ASSERT_LE(one.name.size(), 255U);
                ASSERT_LE(one.dimensions.size(), kMaxDimensions);
            }
        });
        call([&] { static_cast<void>(ctx.list("th")); });
        call([&] { static_cast<void>(ctx.stats()); });
        call([&] {
            Allocation mine = ctx.create(64);
            mine.publish("mine", {.replace = true});
            mine.free();
        });
    }

    void touch(const Allocation& found) {
        ++found_;
        const std::uint64_t needed = found.count() * found.type().size_bytes();
        ASSERT_TRUE(is_valid(found.type()));
        ASSERT_LE(needed, found.size());
        ASSERT_LE(found.size(), std::uint64_t{64} << 20);
        std::vector<std::byte> bytes(found.size());
        found.copy_to(bytes.data(), bytes.size());  // each of them can be read
        for (const auto& [key, value] : found.attributes()) {
            ASSERT_LE(key.size() + value.size(), table::kAttributeSlotBytes);
        }
    }

    static constexpr GetOptions kShort{.timeout = std::chrono::microseconds(1),
                                       .contents_timeout = std::chrono::milliseconds(1)};

    std::uint64_t found_ = 0;  ///< what look() was given

private:
    /// Called by the man in the middle's thread, while the client waits for the answer.
    void give_copy(Descriptor& file) {
        const std::string name = segment_name(file.get());
        if (name.empty()) {
            return;
        }
        const std::lock_guard lock(mutex_);
        Copy& copy = copies_.insert_or_assign(name, Copy(file.get())).first->second;
        if (on_copy_) {
            on_copy_(name, copy);
        }
        file = Descriptor{::fcntl(copy.file.get(), F_DUPFD_CLOEXEC, 0)};
    }

    Allocation theirs_;
    std::mutex mutex_;  ///< guards the two below
    std::map<std::string, Copy> copies_;
    OnCopy on_copy_;
};

TEST_F(HostileTable, ThatIsACopyIsNotNoticed) {
    Context ctx = join();
    look(ctx);
    EXPECT_EQ(found_, 3U);
    for (const Range& range : kRanges) {
        EXPECT_TRUE(copy_of(range.segment).mapping) << range.segment;
    }
}

// The lie is there before the client sees the segment.
TEST_F(HostileTable, CannotHarmWithAnyWordAtItsExtremes) {
    std::uint64_t lies = 0;
    std::uint64_t noticed = 0;
    const auto lie = [&](const std::string& segment, std::size_t offset, std::uint32_t value) {
        on_copy([&, value](const std::string& name, Copy& copy) {
            if (name == segment && *copy.word(offset) != value) {
                *copy.word(offset) = value;
                ++lies;
            }
        });
        found_ = 0;
        const std::optional<Errc> outcome = outcome_of([&] {
            Context ctx = join();
            look(ctx);
        });
        noticed += outcome || found_ < 3 ? 1 : 0;
        ASSERT_FALSE(HasFailure()) << segment << " at " << offset << ": " << value;
    };
    for (const Range& range : kRanges) {
        for (std::size_t offset = range.begin; offset < range.end; offset += 4) {
            for (const std::uint32_t value : kExtremes) {
                ASSERT_NO_FATAL_FAILURE(lie(range.segment, offset, value));
            }
        }
    }
    // The index: where the name is, and the same as other records.
    const std::size_t home = home_of("theirs");
    for (const std::size_t half : {0U, 4U}) {
        for (const std::uint32_t value : {0U, 1U, 2U, 0x0100'0001U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
            ASSERT_NO_FATAL_FAILURE(lie("index", home + half, value));
        }
    }
    EXPECT_GT(lies, 500U);
    EXPECT_GT(noticed, 100U);
    on_copy({});
    found_ = 0;
    Context ctx = join();
    look(ctx);
    EXPECT_EQ(found_, 3U);
}

// And it changes while the client looks: what was checked is not read again.
TEST_F(HostileTable, CannotHarmWithWordsThatNeverRest) {
    std::vector<Range> ranges(std::begin(kRanges), std::end(kRanges));
    const std::size_t home = home_of("theirs");
    ranges.push_back({"index", home, home + sizeof(std::uint64_t)});
    std::mt19937_64 random(20261130);
    std::uint64_t noticed = 0;  // looks that lies made come to something else
    for (int round = 0; round < 100 || noticed < 20; ++round) {
        std::optional<Context> ctx(join());
        look(*ctx);
        std::atomic<bool> done{false};
        std::thread liar([&] {
            while (!done) {
                const Range& range = ranges[random() % ranges.size()];
                std::uint32_t* const word =
                    copy_of(range.segment).word(range.begin + random() % ((range.end - range.begin) / 4) * 4);
                const std::uint32_t truth = __atomic_load_n(word, __ATOMIC_RELAXED);
                const std::uint32_t lie = kExtremes[random() % std::size(kExtremes)];
                for (int turn = 0; turn < 50 && !done; ++turn) {
                    __atomic_store_n(word, turn % 2 == 0 ? lie : truth, __ATOMIC_RELAXED);
                }
                __atomic_store_n(word, truth, __ATOMIC_RELAXED);
            }
        });
        for (int turn = 0; turn < 20 && !HasFailure(); ++turn) {
            const std::uint64_t before = found_;
            look(*ctx);
            noticed += found_ - before < 3 ? 1 : 0;
        }
        done = true;
        liar.join();
        ctx.reset();
        ASSERT_FALSE(HasFailure()) << "round " << round;
    }
}

}  // namespace
}  // namespace fastio::test
