#include "walk.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr std::size_t kMostViolations = 20;

bool is_one_event(const StateWord& one, const StateWord& next) {
    if (one.generation != next.generation) {
        return one.state == AllocationState::vacant && next.state == AllocationState::created &&
               next.generation == one.generation + 1;
    }
    if (one.state == next.state) {
        return next.poisoned || !one.poisoned;
    }
    using enum AllocationEvent;
    return std::ranges::any_of(std::array{publish, last_name, drop_hold, reclaim},
                               [&](AllocationEvent event) { return next_state(one.state, event) == next.state; });
}

}  // namespace

Walk::Walk(std::string title, MakeSubject make, Options options)
    : title_(std::move(title)), make_(std::move(make)), options_(std::move(options)) {}

void Walk::violate(std::size_t image, const std::string& what) {
    if (violations_.size() < kMostViolations) {
        violations_.push_back("image " + std::to_string(image) + ": " + what);
    }
}

void Walk::prepare_usage() {
    SteppedProcess process(make_);
    const std::size_t files = process.files().size();
    const ImageReader reader(process, options_.names);
    const std::vector<std::size_t> at_first = reader.used();
    const std::map<ImageReader::Page, std::uint64_t> pages = reader.page_hashes();
    process.go_on();
    for (const auto& [page, hash] : reader.page_hashes()) {
        if (pages.at(page) != hash) {
            changing_.insert(page);
        }
    }
    used_ = reader.used();
    for (std::size_t i = 0; i < used_.size(); ++i) {
        used_[i] = std::max(used_[i], at_first[i]);
    }
    grows_ = process.files().size() != files;
}

void Walk::step_through() {
    const Watchdog watchdog("stepping through " + title_);
    prepare_usage();
    SteppedProcess process(make_);
    ImageReader reader(process, options_.names, options_.prefix);
    reader.set_used(used_);
    if (options_.large) {
        reader.watch(changing_);
    }
    const std::uint64_t rest = options_.large ? reader.rest_hash() : 0;
    std::uint64_t last_hash = 0;
    const auto look = [&] {
        const std::uint64_t hash = reader.hash();
        if (!runs_.empty() && hash == last_hash) {
            runs_.back().last = steps_;
            return;
        }
        last_hash = hash;
        const auto [known, is_new] = by_hash_.try_emplace(hash, images_.size());
        if (is_new) {
            std::vector<std::string> found;
            images_.push_back(reader.look(found));
            if (options_.large && reader.rest_hash() != rest) {
                found.push_back("a page is changed that is as before in the end");
            }
            for (const std::string& what : found) {
                violate(known->second, what);
            }
        }
        runs_.push_back({steps_, steps_, known->second});
    };
    look();
    while (process.step()) {
        ++steps_;
        look();
    }
    ++steps_;
    look();
    const std::vector<std::size_t> used = reader.used();
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (used[i] > used_[i]) {
            violate(images_.size(), "the routine wrote where its dry run did not");
        }
    }
    before_ = images_.front();
    std::vector<std::string> found;
    after_ = ImageReader(process, options_.names, options_.prefix).look(found);
    for (const std::string& what : found) {
        violate(images_.size(), what);
    }
    judge();
    std::cout << "[ every instruction ] " << title_ << ": " << steps_ << " instructions, " << images_.size()
              << " distinct images\n";
}

void Walk::judge() {
    for (std::size_t image = 0; image < images_.size(); ++image) {
        judge_image(image);
    }
    for (std::size_t i = 1; i < runs_.size(); ++i) {
        judge_step(images_[runs_[i - 1].image], images_[runs_[i].image]);
    }
    judge_order();
}

void Walk::judge_image(std::size_t image) {
    const ImageView& view = images_[image];
    for (const auto& [name, seen] : view.names) {
        const NameView& old_view = before_.names.at(name);
        const NameView& new_view = after_.names.at(name);
        const bool is_old = same(seen, old_view);
        if (!is_old && !same(seen, new_view) && !(seen.lost && grows_)) {
            violate(image, "'" + name + "' is neither as before (" + to_string(old_view) + ") nor as after (" +
                               to_string(new_view) + "), but " + to_string(seen));
        }
        const bool is_awaited = options_.wakes && new_view.copy && !same(old_view, new_view);
        if (is_old && is_awaited && seen.sequence == new_view.sequence) {
            violate(image, "who looks for '" + name + "' now sleeps for ever: its bucket does not change any more");
        }
        if (view.context == table::ContextState::open && after_.context != table::ContextState::open &&
            seen.sequence == new_view.sequence) {
            violate(image, "who waits for '" + name + "' does not learn of the end");
        }
    }
    if (view.context != before_.context && view.context != after_.context) {
        violate(image, "the context's state is neither the old nor the new");
    }
    if (view.version < before_.version || view.version > after_.version) {
        violate(image, "the version lies outside of the old and the new");
    }
}

void Walk::judge_step(const ImageView& one, const ImageView& next) {
    const auto is_near = [](std::uint64_t count, std::uint64_t other) {
        return count <= other + 1 && other <= count + 1;
    };
    if (!is_near(one.publications, next.publications) || !is_near(one.allocations, next.allocations)) {
        violate(images_.size(), "a counter made more than one step");
    }
    for (std::size_t slot = 0; slot < one.states.size(); ++slot) {
        if (one.states[slot] != next.states[slot] && !is_one_event(one.states[slot], next.states[slot])) {
            violate(images_.size(), "the state of allocation " + std::to_string(slot) + " made no step of its life");
        }
    }
}

void Walk::judge_order() {
    for (const std::string& name : options_.names) {
        if (same(before(name), after(name))) {
            continue;
        }
        bool is_new = false;
        for (const Run& run : runs_) {
            const NameView& seen = images_[run.image].names.at(name);
            if (is_new && same(seen, before(name))) {
                violate(run.image, "'" + name + "' went back to what it was");
            }
            is_new = is_new || same(seen, after(name));
        }
    }
}

void Walk::keep_leases(Taken taken) {
    const Watchdog watchdog("keeping leases in " + title_);
    SteppedProcess process(make_);
    ImageReader reader(process, options_.names, options_.prefix);
    std::vector<std::string> found;
    std::map<table::AllocationRef, std::uint32_t> kept;  // with its lease entry
    std::set<table::AllocationRef> live;                 // what a reader has looked up, and may still get a lease on
    const auto state_of = [&](table::AllocationRef allocation) {
        const StateWord state = reader.reader().allocation_state(allocation.slot);
        return state.generation == allocation.generation ? state.state : AllocationState::vacant;
    };
    const auto look = [&] {
        for (const std::string& name : options_.names) {
            if (const std::optional<table::Acquired> acquired = reader.acquire(name, found)) {
                live.insert(acquired->copy.allocation);
                reader.pages().drop(acquired->lease);
            }
        }
    };
    const auto claim = [&](table::AllocationRef allocation) {
        kept[allocation] = reader.pages().claim(allocation).value();
    };
    look();
    if (taken == Taken::before) {
        std::ranges::for_each(live, claim);
    } else {
        while (process.step()) {
            std::erase_if(live, [&](table::AllocationRef allocation) {
                const bool ended = state_of(allocation) != AllocationState::live;
                if (ended) {
                    // As a reader that claimed it just before this instruction, and found it live: the instruction,
                    // which stored the state, read no lease.
                    claim(allocation);
                }
                return ended;
            });
            look();
        }
    }
    while (process.stage() != SteppedProcess::Stop::settled) {
        process.go_on();
    }
    for (const auto& [allocation, entry] : kept) {
        if (state_of(allocation) == AllocationState::vacant) {
            found.push_back("a lease on allocation " + std::to_string(allocation.slot) + " did not keep its memory");
        }
        reader.pages().drop(entry);
    }
    process.go_on();
    for (const auto& [allocation, entry] : kept) {
        if (state_of(allocation) == AllocationState::retired) {
            found.push_back("allocation " + std::to_string(allocation.slot) + " has no name and no lease, and stays");
        }
    }
    for (const std::string& what : found) {
        violate(images_.size(), what);
    }
}

void Walk::kill_writer(std::size_t times) {
    const Watchdog watchdog("killing the writer in " + title_);
    const std::size_t stride = std::max<std::size_t>(1, runs_.size() / times);
    for (std::size_t i = stride / 2; i < runs_.size(); i += stride) {
        SteppedProcess process(make_);
        ImageReader reader(process, options_.names, options_.prefix);
        for (std::uint64_t at = 0; at < runs_[i].first && process.step(); ++at) {
        }
        std::vector<std::string> found;
        const std::uint64_t hash = reader.hash();
        const ImageView alive = reader.look(found);
        process.kill();
        const ImageView dead = reader.look(found);
        if (reader.hash() != hash) {
            found.push_back("the memory changed although its writer was stopped and killed");
        }
        for (const auto& [name, seen] : dead.names) {
            if (!same(seen, alive.names.at(name)) && !seen.lost) {
                found.push_back("'" + name + "' is " + to_string(seen) + " once the writer was killed, but was " +
                                to_string(alive.names.at(name)));
            }
        }
        for (const std::string& what : found) {
            violate(runs_[i].image, what);
        }
    }
}

void Walk::check_everything() {
    step_through();
    keep_leases(Taken::before);
    keep_leases(Taken::at_the_last_instruction);
    kill_writer(options_.large ? 1 : 8);
}

}  // namespace fastio::test
