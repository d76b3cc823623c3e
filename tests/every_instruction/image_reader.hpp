#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "device/mapping.hpp"
#include "stepped_process.hpp"
#include "table/leases.hpp"
#include "table/reader.hpp"

namespace fastio::test {

/// What a reader sees of one name.
struct NameView {
    bool lost = false;  ///< in a segment that the service has not handed out yet
    std::optional<table::PublicationCopy> copy{};
    std::uint32_t sequence = 0;  ///< of its bucket
};
/// True when both say the same of the name; the bucket aside.
[[nodiscard]] bool same(const NameView& one, const NameView& other);
[[nodiscard]] std::string to_string(const NameView& view);

/// What readers see of the memory while its writer stands still.
struct ImageView {
    std::map<std::string, NameView> names{};
    table::ContextState context = table::ContextState::open;
    std::uint64_t version = 0;
    std::uint64_t publications = 0;
    std::uint64_t allocations = 0;
    std::vector<StateWord> states{};  ///< of the first slots
    bool slabs_lost = false;          ///< in a segment that the service has not handed out yet
    std::vector<table::SlabRef> slabs{};
};

/// A client of the stepped process, with the segments that there were when it was made: it maps them, and is told
/// `service_lost` when it asks for another.
class ImageReader {
public:
    static constexpr std::uint32_t kWatchedSlots = 16;

    /// `names` are looked up in each image; together with all else that starts with `prefix` they are listed.
    ImageReader(const SteppedProcess& process, std::vector<std::string> names, std::string prefix = {});
    ~ImageReader();

    /// A page, by the number of its file and its own in there.
    using Page = std::pair<std::size_t, std::size_t>;

    /// Of all bytes, of those that set_used names, or of the pages that watch() names.
    [[nodiscard]] std::uint64_t hash() const;
    /// Of each page; and of all pages but those that watch() names.
    [[nodiscard]] std::map<Page, std::uint64_t> page_hashes() const;
    [[nodiscard]] std::uint64_t rest_hash() const;
    void watch(std::set<Page> pages) { watched_ = std::move(pages); }
    /// By file, how many bytes lie before the first that stay 0 to the end.
    [[nodiscard]] std::vector<std::size_t> used() const;
    void set_used(std::vector<std::size_t> used) { used_ = std::move(used); }

    /// The real readers' answers, and into `violations` what none of them may ever answer.
    [[nodiscard]] ImageView look(std::vector<std::string>& violations);

    /// The get path: empty where the name is missing or in a segment that is not handed out yet, which `lost` tells.
    /// The lease stays.
    [[nodiscard]] std::optional<table::Acquired> acquire(const std::string& name, std::vector<std::string>& violations,
                                                         bool* lost = nullptr);
    [[nodiscard]] table::LeasePages& pages() noexcept { return *pages_; }
    [[nodiscard]] table::TableReader& reader() noexcept { return *reader_; }

private:
    struct File {
        SubjectFile which{};
        Descriptor fd{};
        Mapping mapping{};
    };
    class Source;

    [[nodiscard]] NameView look_up(const std::string& name, std::vector<std::string>& violations);
    void check_list(const ImageView& view, std::vector<std::string>& violations);
    void check_placements(const ImageView& view, std::vector<std::string>& violations);
    void check_acquire(const std::string& name, const NameView& view, std::vector<std::string>& violations);
    void check_end(const std::string& name, std::vector<std::string>& violations);

    std::vector<std::string> names_;
    std::string prefix_;
    std::vector<File> files_;
    std::vector<std::size_t> used_;
    std::optional<std::set<Page>> watched_;
    std::unique_ptr<Source> source_;
    std::unique_ptr<table::TableReader> reader_;
    std::unique_ptr<table::LeasePages> pages_;
    std::map<table::AllocationRef, table::Placement> placements_;  ///< as first seen under a generation
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> slab_bytes_;
};

}  // namespace fastio::test
