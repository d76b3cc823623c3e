#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "image_reader.hpp"
#include "stepped_process.hpp"

namespace fastio::test {

/// Steps a subject's routine instruction by instruction and lets readers look at every image of the shared memory that
/// it leaves in between: they must see the state before the routine or the one after it.
class Walk {
public:
    struct Options {
        std::vector<std::string> names{};  ///< what is looked up; the first one must exist before or after
        std::string prefix{};              ///< what is listed
        bool wakes = false;                ///< waiters for what is new afterwards must be woken
        /// For a table of many bytes: only the pages that the routine changes in the end are compared at every
        /// instruction; the others are at every image, and must stay as they are.
        bool large = false;
    };
    Walk(std::string title, MakeSubject make, Options options);

    /// All checks on every image, once for each.
    void step_through();
    /// Again, while a reader keeps leases on what the names lead to, taken before the routine or as late as a lease can
    /// be taken: whatever the routine and the scans after it do, that memory stays; without any lease it goes.
    enum class Taken { before, at_the_last_instruction };
    void keep_leases(Taken taken);
    /// Again, up to some of the images, evenly spread: the writer is killed there, and readers look.
    void kill_writer(std::size_t times);
    /// All of them.
    void check_everything();

    [[nodiscard]] const std::vector<std::string>& violations() const noexcept { return violations_; }
    [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
    [[nodiscard]] std::size_t images() const noexcept { return images_.size(); }
    [[nodiscard]] const ImageView& before() const noexcept { return before_; }
    [[nodiscard]] const ImageView& after() const noexcept { return after_; }
    [[nodiscard]] const NameView& before(const std::string& name) const { return before_.names.at(name); }
    [[nodiscard]] const NameView& after(const std::string& name) const { return after_.names.at(name); }

private:
    struct Run {  ///< steps during which nothing shared changed
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        std::size_t image = 0;
    };
    void prepare_usage();
    void judge();
    void judge_image(std::size_t image);
    void judge_order();
    void judge_step(const ImageView& one, const ImageView& next);
    void violate(std::size_t image, const std::string& what);

    std::string title_;
    MakeSubject make_;
    Options options_;
    std::vector<std::size_t> used_;
    std::set<ImageReader::Page> changing_;
    bool grows_ = false;  ///< the routine makes a segment
    std::uint64_t steps_ = 0;
    std::vector<Run> runs_;
    std::vector<ImageView> images_;
    std::unordered_map<std::uint64_t, std::size_t> by_hash_;
    ImageView before_;
    ImageView after_;
    std::vector<std::string> violations_;
};

}  // namespace fastio::test
