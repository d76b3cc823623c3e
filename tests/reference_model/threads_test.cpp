// Threads that use the API at the same time: what must hold in every order of their calls.
//
// Contents and metadata of a publication are made from one number, its seal, which its attributes carry. So whoever
// gets a publication can tell whether it is one of those published, whole, whatever the others do.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "reference_model/answer.hpp"
#include "reference_model/generate.hpp"
#include "support/leak_check.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

constexpr int kThreads = 3;

/// What the threads of one case know together.
class Ledger {
public:
    void fail(const std::string& what) {
        const std::lock_guard lock(mutex_);
        wrong_ += wrong_.empty() ? what : "";
    }
    void published(std::uint64_t version, const std::string& name, int seal) { note(published_, version, name, seal); }
    void seen(std::uint64_t version, const std::string& name, int seal) { note(seen_, version, name, seal); }
    [[nodiscard]] std::string verdict() {
        const std::lock_guard lock(mutex_);
        for (const auto& [version, what] : seen_) {
            const auto found = published_.find(version);
            if (found == published_.end() || found->second != what) {
                fail_locked("version " + std::to_string(version) + " was seen as " + what + ", which nobody published");
            }
        }
        return wrong_;
    }

private:
    void note(std::map<std::uint64_t, std::string>& notes, std::uint64_t version, const std::string& name, int seal) {
        const std::lock_guard lock(mutex_);
        const std::string what = label_of(name) + " with seal " + std::to_string(seal);
        if (const auto [at, is_new] = notes.try_emplace(version, what); !is_new && at->second != what) {
            fail_locked("version " + std::to_string(version) + " is " + at->second + " and " + what);
        }
    }
    void fail_locked(const std::string& what) { wrong_ += wrong_.empty() ? what : ""; }

    std::mutex mutex_;
    std::map<std::uint64_t, std::string> published_;
    std::map<std::uint64_t, std::string> seen_;
    std::string wrong_;
};

/// One thread's part: its steps, on a Context of its own or one that it shares.
class Actor {
public:
    Actor(Context& context, Ledger& ledger, int number) : context_(context), ledger_(ledger), seal_(number) {}

    void play(const Step& step) {
        try {
            play_unguarded(step);
        } catch (const Error& error) {
            ledger_.fail(std::string(to_string(step.verb)) + " threw " + error.what());
        } catch (const std::exception& error) {
            ledger_.fail(error.what());
        }
    }

private:
    void play_unguarded(const Step& step) {
        Allocation& slot = slots_.at(static_cast<std::size_t>(step.slot));
        const std::string& name = name_of(step.name % kGoodNames);
        switch (step.verb) {
            case Verb::release:
                slot = Allocation();
                break;
            case Verb::free:
                if (slot) {
                    slot.free();
                }
                break;
            case Verb::unpublish:
                allow(Errc::not_found, [&] { context_.unpublish(name, step.flag && slot ? slot.version() : 0); });
                break;
            case Verb::unpublish_memory:
                if (slot) {
                    slot.unpublish();
                }
                break;
            case Verb::get:
            case Verb::find:
                look(step, slot, name);
                break;
            case Verb::find_many:
                find_many();
                break;
            case Verb::list:
                list();
                break;
            case Verb::read:
                if (slot && slot.version() != 0) {
                    check(slot, std::string(slot.name()));
                }
                break;
            case Verb::stats: {
                const ContextStats stats = context_.stats();
                expect(stats.bytes_in_use <= stats.bytes_reserved, "more bytes are in use than reserved");
                break;
            }
            default:
                publish(step, slot, name);
        }
    }

    /// New contents under a new seal.
    void publish(const Step& step, Allocation& slot, const std::string& name) {
        seal_ += kThreads;
        const ArrayChoice& array = array_of(seal_ % kSmallArrays);
        Allocation made = context_.create(array.type, array.dimensions);
        const auto contents = pattern_of(seal_, made.size());
        made.copy_from(contents.data(), contents.size());
        const PublishOptions options{.replace = step.flag, .attributes = {{"seal", std::to_string(seal_)}}};
        allow(Errc::already_exists, [&] {
            made.publish(name, options);
            ledger_.published(made.version(), name, seal_);
            check_newest(made.version(), name);
        });
        slot = std::move(made);
    }
    void look(const Step& step, Allocation& slot, const std::string& name) {
        const std::uint64_t newest = newest_[name];
        const std::uint64_t newer_than = step.value % 2 == 0 ? 0 : newest;
        const auto timeout = std::chrono::microseconds(step.flag ? 200 : 0);
        auto found = context_.find(name, {.timeout = timeout, .newer_than = newer_than});
        if (found) {
            check_newest(found->version(), name);
            check(*found, name);
            expect(found->version() > newer_than, "newer_than gave an older version");
            slot = std::move(*found);
        }
    }
    void find_many() {
        const std::vector<std::string> names{name_of(1), name_of(0)};
        const auto found = context_.find_many(names);
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (found.at(i)) {
                check_newest(found.at(i)->version(), names[i]);
                check(*found.at(i), names[i]);
            }
        }
    }
    void check(const Allocation& allocation, const std::string& name) {
        const auto dimensions = allocation.dimensions();
        const int seal = std::stoi(allocation.attributes().at("seal"));
        const ArrayChoice& array = array_of(seal % kSmallArrays);
        expect(allocation.type() == array.type && std::vector(dimensions.begin(), dimensions.end()) == array.dimensions,
               "metadata of another publication");
        std::vector<std::byte> contents(allocation.size());
        allocation.copy_to(contents.data(), contents.size());
        expect(contents == pattern_of(seal, allocation.size()), "contents of another publication");
        expect(allocation.name() == name, "another name");
        ledger_.seen(allocation.version(), name, seal);
    }
    void list() {
        std::set<std::uint64_t> versions;
        for (const PublicationInfo& info : context_.list()) {
            ledger_.seen(info.version, info.name, std::stoi(info.attributes.at("seal")));
            check_newest(info.version, info.name);
            expect(versions.insert(info.version).second, "one version twice in a list");
        }
    }
    /// What a thread finds under a name never goes back: not behind what it found, nor behind what it published.
    void check_newest(std::uint64_t version, const std::string& name) {
        std::uint64_t& newest = newest_[name];
        expect(version >= newest, "an older version than before");
        newest = version;
    }
    template <class Call>
    void allow(Errc code, Call&& call) {
        try {
            call();
        } catch (const Error& error) {
            if (error.errc() != code) {
                throw;
            }
        }
    }
    void expect(bool holds, const char* otherwise) {
        if (!holds) {
            ledger_.fail(otherwise);
        }
    }

    Context& context_;
    Ledger& ledger_;
    int seal_;
    std::array<Allocation, kSlots> slots_{};
    std::map<std::string, std::uint64_t> newest_{};
};

/// Follows all changes of the job until it sees `last`; what they come to must be what list() says.
class Follower {
public:
    explicit Follower(Context& context) : watch_(context.watch()) {}

    std::string follow(Context& context, const std::string& last) {
        std::map<std::string, std::uint64_t> names;
        std::uint64_t newest = 0;
        for (;;) {
            const auto event = watch_.next(forever);
            if (event->kind == WatchEvent::Kind::lost) {
                return "events were lost";
            }
            if (event->kind == WatchEvent::Kind::unpublished) {
                if (names[event->name] != event->version) {
                    return "a name went that was not there: " + answer_of(*event);
                }
                names.erase(event->name);
                continue;
            }
            if (event->version <= newest) {
                return "an event out of order: " + answer_of(*event);
            }
            if (names.contains(event->name) != (event->kind == WatchEvent::Kind::replaced)) {
                return "an event of the wrong kind: " + answer_of(*event);
            }
            newest = event->version;
            names[event->name] = event->version;
            if (event->name == last) {
                break;
            }
        }
        std::map<std::string, std::uint64_t> listed;
        for (const PublicationInfo& info : context.list()) {
            listed[info.name] = info.version;
        }
        return names == listed ? "" : "the events do not come to what list() says";
    }

private:
    Watch watch_;
};

std::string play(const std::vector<Step>& steps) {
    const Watchdog watchdog("a case of the reference model");
    const LeakCheck leaks;
    Ledger ledger;
    std::string wrong;
    {
        Context host({.job = "host", .embedded = true});
        Context observer({.job = "job", .socket = host.socket()});
        Follower follower(observer);
        {
            // The second thread shares the Context of the first.
            Context own({.job = "job", .socket = host.socket()});
            Context shared({.job = "job", .socket = host.socket()});
            std::vector<std::thread> threads;
            for (int number = 0; number < kThreads; ++number) {
                threads.emplace_back([&, number] {
                    Actor actor(number == 0 ? own : shared, ledger, number);
                    for (const Step& step : steps) {
                        if (step.client == number) {
                            actor.play(step);
                        }
                    }
                });
            }
            for (std::thread& thread : threads) {
                thread.join();
            }
        }
        observer.create(8).publish("last");
        wrong = follower.follow(observer, "last");
        for (const PublicationInfo& info : observer.list()) {
            observer.unpublish(info.name);
        }
        const ContextStats stats = observer.stats();
        if (stats.allocations + stats.publications + stats.leases + stats.bytes_in_use != 0) {
            wrong += " left over: " + answer_of(stats);
        }
    }
    wrong += ledger.verdict();
    const std::string leaked = leaks.difference();
    return !wrong.empty() || leaked.empty() ? wrong : "left over: " + leaked;
}

TEST(Threads, SeeOnlyWholePublicationsInOrderAndLeaveNothing) {
    static_cast<void>(play({{.verb = Verb::create}}));
    const Search found = search(play, Mix{}, 5);
    EXPECT_FALSE(found.failed) << found.text;
}

}  // namespace
}  // namespace fastio::test
