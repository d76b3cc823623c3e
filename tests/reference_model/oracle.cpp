#include "reference_model/oracle.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "reference_model/rules.hpp"

namespace fastio::test {
namespace {

constexpr std::uint64_t kGranularity = 256;
/// More than any pool of these tests has.
constexpr std::uint64_t kNoPool = std::uint64_t{1} << 49;

/// As the service does it, so that free() takes away the names in the same order.
void take_out(std::vector<std::string>& names, const std::string& name) {
    std::ranges::iter_swap(std::ranges::find(names, name), std::prev(names.end()));
    names.pop_back();
}

}  // namespace

Oracle::Oracle(std::uint64_t max_allocations, Mistake mistake) : max_allocations_(max_allocations), mistake_(mistake) {
    for (Client& client : clients_) {
        client.session = join(0, false);
    }
}

std::string Oracle::play(const Step& step) {
    try {
        return play_unguarded(step);
    } catch (const Refused& refused) {
        return std::string("error ") + fastio::to_string(refused.code);
    }
}

std::string Oracle::play_unguarded(const Step& step) {
    Client& client = clients_.at(static_cast<std::size_t>(step.client));
    Slot& slot = client.slots.at(static_cast<std::size_t>(step.slot));
    const SessionPtr session = client.session;
    const bool is_open = !session->closed && !session->job->ended;
    const std::string& name = name_of(step.name);
    // What an Allocation must be for the calls on it.
    const auto held = [&slot]() -> Slot& { return slot.memory ? slot : throw Refused{Errc::released}; };
    const auto held_open = [&held]() -> Slot& {
        Slot& own = held();
        check_open(!own.session->closed && !own.session->job->ended);
        return own;
    };
    const auto contents_of = [](const Slot& own) {
        return answer_of(own.described) + ' ' + answer_of(own.memory->contents);
    };
    switch (step.verb) {
        case Verb::create: {
            const ArrayChoice& array = array_of(step.array);
            const std::uint64_t size = checked_size(array);
            check_open(is_open);
            if (array.alignment != 256 && array.alignment != 4096) {
                throw Refused{Errc::invalid_argument};
            }
            Slot made = create(session, array,
                               size > 2 * kQuota ? std::vector<std::byte>{}
                               : step.flag       ? std::vector<std::byte>(size)
                                                 : pattern_of(step.value, size));
            put(slot, std::move(made));
            return answer_of(slot.described);
        }
        case Verb::publish:
            publish(held_open(), step);
            return answer_of(slot.described);
        case Verb::release:
            release(held());
            return kDone;
        case Verb::get:
        case Verb::find: {
            check_open(is_open);
            auto found = find(session, step, static_cast<std::uint64_t>(step.value));
            if (!found) {
                check_name(name);
                return step.verb == Verb::find ? kNothing
                                               : throw Refused{step.flag ? Errc::timed_out : Errc::not_found};
            }
            put(slot, std::move(*found));
            return step.verb == Verb::find ? answer_of(slot.described) : contents_of(slot);
        }
        case Verb::free:
            held_open();
            if (mistake_ != Mistake::free_keeps_names) {
                unpublish_all(*slot.session->job, *slot.memory);
            }
            release(slot);
            return kDone;
        case Verb::unpublish:
            check_open(is_open);
            check_name(name);
            unpublish(*session->job, name, version_of(step));
            return kDone;
        case Verb::unpublish_memory:
            held_open();
            if (std::exchange(slot.memory->holder, nullptr) != nullptr) {
                ++slot.memory->leases[slot.session.get()];
            }
            unpublish_all(*slot.session->job, *slot.memory);
            return kDone;
        case Verb::find_many:
            check_open(is_open);
            return find_many(session);
        case Verb::list:
            check_open(is_open);
            return list(*session->job, prefix_of(step.name));
        case Verb::read:
            return contents_of(held());
        case Verb::write:
            write(held(), step);
            return kDone;
        case Verb::set_type: {
            held();
            const ArrayChoice& array = array_of(step.array);
            if (checked_size(array) > slot.memory->size) {
                throw Refused{Errc::invalid_argument};
            }
            slot.described.type = array.type;
            slot.described.dimensions = array.dimensions;
            return answer_of(slot.described);
        }
        case Verb::move: {
            Slot& from = client.slots.at(static_cast<std::size_t>(step.other));
            if (&from != &slot) {
                put(slot, std::exchange(from, Slot{}));
            }
            return slot.memory ? "something" : kNothing;
        }
        case Verb::publish_array: {
            check_open(is_open);
            check_name(name);
            check_attributes(attributes_of(step.attributes));
            const ArrayChoice& array = array_of(step.array);
            const std::uint64_t size = checked_size(array);
            Slot made = create(session, array, pattern_of(step.value, size > 2 * kQuota ? 0 : size));
            try {
                publish(made, step);
            } catch (const Refused&) {
                release(made);
                throw;
            }
            release(made);
            return kDone;
        }
        case Verb::watch:
            check_open(is_open);
            if (prefix_of(step.name).size() > 255) {
                throw Refused{Errc::invalid_argument};
            }
            client.watch = Subscription{session, prefix_of(step.name), {}};
            return kDone;
        case Verb::next_event:
            return next_event(client);
        case Verb::stats:
            check_open(is_open);
            return stats(*session);
        case Verb::close:
            session->closed = true;
            return kDone;
        case Verb::join:
            client.session = join(step.other, step.flag);
            session->closed = true;
            leave(session);
            return job_of(step.other);
        case Verb::inspect:
            return inspect(step);
        case Verb::remove: {
            check_name(name);
            const auto job = find_job(job_of(step.other));
            unpublish(*job, name);
            return kDone;
        }
        case Verb::end_job:
            end(*find_job(job_of(step.other)));
            return kDone;
        case Verb::kill: {
            SessionPtr next = join(0, false);  // first, so that the job may go on
            kill(client);
            client.session = std::move(next);
            return kDone;
        }
    }
    return "no such verb";
}

Counts Oracle::counts() const {
    Counts counts{.sessions = sessions_.size(), .contexts = jobs_.size()};
    std::set<const Job*> jobs;
    for (const SessionPtr& session : sessions_) {
        jobs.insert(session->job.get());
    }
    for (const auto& [name, job] : jobs_) {  // a persistent one may have no sessions
        jobs.insert(job.get());
    }
    for (const Job* job : jobs) {
        counts.allocations += job->memories.size();
        counts.publications += job->names.size();
        for (const MemoryPtr& memory : job->memories) {
            counts.bytes_in_use += memory->capacity;
            for (const auto& [session, leases] : memory->leases) {
                counts.leases += static_cast<std::uint64_t>(leases);
            }
        }
    }
    return counts;
}

Oracle::SessionPtr Oracle::join(int number, bool persistent) {
    std::shared_ptr<Job>& job = jobs_[job_of(number)];
    if (!job) {
        job = std::make_shared<Job>();
        job->name = job_of(number);
        job->quota = number == 0 ? kQuota : 0;
    }
    job->persistent |= persistent && mistake_ != Mistake::persistent_jobs_end;
    ++job->joins;
    auto session = std::make_shared<Session>();
    session->job = job;
    job->members.push_back(session.get());
    sessions_.push_back(session);
    return session;
}

Oracle::Slot Oracle::create(const SessionPtr& session, const ArrayChoice& array, std::vector<std::byte> contents) {
    Job& job = *session->job;
    const std::uint64_t size = checked_size(array);
    const std::uint64_t capacity = (std::max<std::uint64_t>(size, 1) + kGranularity - 1) / kGranularity * kGranularity;
    if (size > kNoPool) {
        throw Refused{Errc::out_of_memory};
    }
    std::uint64_t used = 0;
    for (const MemoryPtr& memory : job.memories) {
        const bool counts = mistake_ != Mistake::quota_forgets_the_published || memory->names.empty();
        used += counts ? memory->capacity : 0;
    }
    if (job.quota != 0 && used + capacity > job.quota) {
        throw Refused{Errc::quota_exceeded};
    }
    if (job.memories.size() >= max_allocations_) {
        throw Refused{Errc::table_full};
    }
    auto memory = std::make_shared<Memory>();
    memory->size = size;
    memory->capacity = capacity;
    memory->contents = std::move(contents);
    memory->holder = session.get();
    job.memories.push_back(memory);
    ++session->users;
    Slot slot{std::move(memory), session, {}};
    slot.described.size = size;
    slot.described.type = array.type;
    slot.described.dimensions = array.dimensions;
    return slot;
}

void Oracle::publish(Slot& slot, const Step& step) {
    Job& job = *slot.session->job;
    const std::string& name = name_of(step.name);
    check_name(name);
    const Attributes& attributes = attributes_of(step.attributes);
    check_attributes(attributes);
    const auto taken = job.names.find(name);
    const bool replaces = taken != job.names.end();
    if (replaces && !step.flag) {
        if (mistake_ == Mistake::failed_publish_drops_the_hold && slot.memory->holder != nullptr) {
            slot.memory->holder = nullptr;
            settle(job, slot.memory);
        }
        throw Refused{Errc::already_exists};
    }
    if (std::exchange(slot.memory->holder, nullptr) != nullptr) {
        ++slot.memory->leases[slot.session.get()];
    }
    MemoryPtr loser;
    if (replaces) {
        loser = taken->second.memory;
        take_out(loser->names, name);
    }
    ++job.version;
    slot.described.version = mistake_ != Mistake::versions_count_per_name ? job.version
                             : replaces                                   ? taken->second.described.version + 1
                                                                          : 1;
    slot.described.name = name;
    slot.described.attributes = attributes;
    job.names.insert_or_assign(name, Publication{slot.memory, slot.described});
    slot.memory->names.push_back(name);
    const std::uint64_t bytes = checked_size({slot.described.type, slot.described.dimensions});
    slot.session->bytes_published += bytes;
    job.bytes_published += bytes;
    if (loser) {
        settle(job, loser);
    }
    const bool announced = replaces && mistake_ != Mistake::replace_is_announced_as_publish;
    tell(job, announced ? WatchEvent::Kind::replaced : WatchEvent::Kind::published, name, slot.described.version);
}

std::optional<Oracle::Slot> Oracle::find(const SessionPtr& session, const Step& step, std::uint64_t newer_than) {
    const auto found = session->job->names.find(name_of(step.name));
    if (found == session->job->names.end()) {
        return std::nullopt;
    }
    const Publication& publication = found->second;
    const std::uint64_t version = publication.described.version;
    if (version < newer_than || (version == newer_than && mistake_ != Mistake::newer_than_includes)) {
        return std::nullopt;
    }
    ++session->gets;
    ++session->users;
    ++publication.memory->leases[session.get()];
    return Slot{publication.memory, session, publication.described};
}

void Oracle::release(Slot& slot) {
    const Slot old = std::exchange(slot, Slot{});
    if (!old.memory) {
        return;
    }
    const Session* const own = old.session.get();
    if (old.memory->holder == own) {
        old.memory->holder = nullptr;
    } else if (const auto leases = old.memory->leases.find(own); leases != old.memory->leases.end()) {
        if (--leases->second == 0) {
            old.memory->leases.erase(leases);
        }
    }
    settle(*old.session->job, old.memory);
    leave(old.session);
}

void Oracle::put(Slot& at, Slot&& slot) {
    Slot before = std::exchange(at, std::move(slot));
    release(before);
}

void Oracle::leave(const SessionPtr& session) {
    if (--session->users > 0) {
        return;
    }
    Job& job = *session->job;
    std::erase(job.members, session.get());
    std::erase(sessions_, session);
    if (job.members.empty() && !job.ended && !job.persistent) {
        end(job);
    }
}

void Oracle::unpublish(Job& job, const std::string& name, std::uint64_t only_version) {
    const auto found = job.names.find(name);
    const bool is_another = found != job.names.end() && only_version != 0 &&
                            found->second.described.version != only_version &&
                            mistake_ != Mistake::unpublish_of_any_version;
    if (found == job.names.end() || is_another) {
        throw Refused{Errc::not_found};
    }
    const Publication gone = found->second;
    job.names.erase(found);
    take_out(gone.memory->names, name);
    settle(job, gone.memory);
    tell(job, WatchEvent::Kind::unpublished, name, gone.described.version);
}

void Oracle::unpublish_all(Job& job, Memory& memory) {
    while (!memory.names.empty()) {
        unpublish(job, std::string(memory.names.back()));
    }
}

void Oracle::write(Slot& slot, const Step& step) {
    std::vector<std::byte>& contents = slot.memory->contents;
    if (step.value == 0) {
        throw Refused{Errc::invalid_argument};
    }
    const std::size_t offset = contents.size() / 2;
    std::ranges::copy(pattern_of(step.value, contents.size() - offset),
                      contents.begin() + static_cast<std::ptrdiff_t>(offset));
}

void Oracle::kill(Client& client) {
    client.watch.reset();
    client.session->closed = true;
    const SessionPtr session = client.session;
    for (Slot& slot : client.slots) {
        release(slot);
    }
    leave(session);
}

std::string Oracle::find_many(const SessionPtr& session) {
    std::string answer;
    for (int name = 0; name < kGoodNames; ++name) {
        auto found = find(session, {.name = name}, 0);
        answer += (found ? answer_of(found->described) : kNothing) + std::string("; ");
        if (found) {
            release(*found);
        }
    }
    return answer;
}

std::string Oracle::next_event(Client& client) {
    if (!client.watch) {
        return "no watch";
    }
    check_open(!client.watch->session->closed && !client.watch->session->job->ended);
    std::deque<std::string>& events = client.watch->events;
    if (events.empty()) {
        return kNothing;
    }
    std::string event = events.front();
    events.pop_front();
    return event;
}

std::shared_ptr<Oracle::Job> Oracle::find_job(const std::string& name) const {
    const auto found = jobs_.find(name);
    return found != jobs_.end() ? found->second : throw Refused{Errc::not_found};
}

void Oracle::tell(const Job& job, WatchEvent::Kind kind, const std::string& name, std::uint64_t version) {
    for (Client& client : clients_) {
        if (client.watch && client.watch->session->job.get() == &job && name.starts_with(client.watch->prefix)) {
            client.watch->events.push_back(answer_of(WatchEvent{kind, job.name, name, version}));
        }
    }
}

void Oracle::end(Job& job) {
    job.ended = true;
    job.names.clear();
    for (const MemoryPtr& memory : std::vector<MemoryPtr>(job.memories)) {
        memory->names.clear();
        settle(job, memory);
    }
    jobs_.erase(std::string(job.name));
}

void Oracle::settle(Job& job, const MemoryPtr& memory) {
    if (memory->names.empty() && memory->holder == nullptr && memory->leases.empty()) {
        std::erase(job.memories, memory);
    }
}

}  // namespace fastio::test
