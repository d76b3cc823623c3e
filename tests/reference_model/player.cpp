#include "reference_model/player.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include "reference_model/answer.hpp"

namespace fastio::test {
namespace {

/// A watchdog: how long what must come may take.
constexpr std::chrono::seconds kPatience{60};

std::string describe(const Allocation& allocation) {
    const auto dimensions = allocation.dimensions();
    return answer_of({std::string(allocation.name()),
                      allocation.version(),
                      allocation.size(),
                      allocation.type(),
                      {dimensions.begin(), dimensions.end()},
                      allocation.attributes()});
}

}  // namespace

Player::Player(std::string socket, std::string device)
    : socket_(std::move(socket)), device_(std::move(device)), context_(join(0, false)) {}

Player::~Player() {
    finish();  // before the Allocations go
}

void Player::finish() {
    if (stream_) {
        stream_->synchronise();
    }
    copied_from_.clear();
}

void Player::put(Allocation& slot, Allocation&& allocation) {
    if (slot) {
        finish();
    }
    slot = std::move(allocation);
}

const std::vector<std::byte>& Player::keep(std::vector<std::byte> contents) {
    return copied_from_.emplace_back(std::move(contents));
}

Context Player::join(int job, bool persistent) const {
    return Context({.job = job_of(job),
                    .socket = socket_,
                    .device = device_,
                    .quota = job == 0 ? kQuota : 0,
                    .persistent = persistent,
                    .connect_timeout = kPatience});
}

std::string Player::play(const Step& step) {
    try {
        return play_unguarded(step);
    } catch (const Error& error) {
        return std::string("error ") + fastio::to_string(error.errc());
    }
}

std::string Player::play_unguarded(const Step& step) {
    Allocation& slot = slots_.at(static_cast<std::size_t>(step.slot));
    const std::string& name = name_of(step.name);
    // Publishing and getting without a stream must go together with those that have one, too.
    const Stream stream = step.value % 2 == 0 ? this->stream() : Stream{};
    switch (step.verb) {
        case Verb::create:
            put(slot, create(step));
            return describe(slot);
        case Verb::publish:
            slot.publish(name, {.stream = stream, .replace = step.flag, .attributes = attributes_of(step.attributes)});
            return describe(slot);
        case Verb::release:
            stream_ ? slot.release(stream_->get()) : slot.release();
            return kDone;
        case Verb::get:
            put(slot, context_.get(name, {.stream = stream,
                                          .timeout = std::chrono::microseconds(step.flag ? 50 : 0),
                                          .newer_than = static_cast<std::uint64_t>(step.value)}));
            return describe(slot) + ' ' + read(slot);
        case Verb::free:
            stream_ ? slot.free(stream_->get()) : slot.free();
            return kDone;
        case Verb::unpublish:
            context_.unpublish(name, version_of(step));
            return kDone;
        case Verb::unpublish_memory:
            slot.unpublish();
            return kDone;
        case Verb::find: {
            auto found = context_.find(name, {.stream = stream, .newer_than = static_cast<std::uint64_t>(step.value)});
            if (!found) {
                return kNothing;
            }
            put(slot, std::move(*found));
            return describe(slot);
        }
        case Verb::find_many:
            return find_many();
        case Verb::list:
            return list(step);
        case Verb::read:
            finish();
            slot.check();
            return describe(slot) + ' ' + read(slot);
        case Verb::write:
            write(slot, step);
            return kDone;
        case Verb::set_type: {
            const ArrayChoice& array = array_of(step.array);
            slot.set_type_and_dimensions(array.type, array.dimensions);
            return describe(slot);
        }
        case Verb::move:
            put(slot, std::move(slots_.at(static_cast<std::size_t>(step.other))));
            return slot ? "something" : kNothing;
        case Verb::publish_array:
            publish_array(step);
            return kDone;
        case Verb::watch:
            watch_ = context_.watch(prefix_of(step.name));
            return kDone;
        case Verb::next_event:
            return next_event(step.value);
        case Verb::stats:
            return stats();
        case Verb::close:
            context_.close();
            return context_.alive() ? "alive" : kDone;
        case Verb::join:
            context_ = join(step.other, step.flag);
            return context_.alive() ? context_.job() : "dead";
        case Verb::inspect:
            return inspect(step);
        case Verb::remove:
            Service(socket_, kPatience).unpublish(job_of(step.other), name);
            return kDone;
        case Verb::end_job:
            Service(socket_, kPatience).end(job_of(step.other));
            return kDone;
        case Verb::kill:  // what it does before: the oracle does not know how far a stream had come
            finish();
            return kDone;
    }
    throw std::logic_error("there is no such verb");
}

Allocation Player::create(const Step& step) {
    const ArrayChoice& array = array_of(step.array);
    Allocation made = context_.create(array.type, array.dimensions,
                                      {.stream = stream(), .alignment = array.alignment, .zero = step.flag});
    if (reinterpret_cast<std::uintptr_t>(made.data()) % array.alignment != 0) {
        throw std::runtime_error("create did not keep to the alignment");
    }
    if (!step.flag) {
        const auto& contents = keep(pattern_of(step.value, made.size()));
        made.copy_from(contents.data(), contents.size(), {.stream = stream()});
    }
    return made;
}

std::string Player::read(const Allocation& allocation) {
    std::vector<std::byte> contents(allocation.size());
    allocation.copy_to(contents.data(), contents.size(), {.stream = stream()});
    finish();
    return answer_of(contents);
}

void Player::write(Allocation& allocation, const Step& step) {
    // The second half; one byte more than there is if it is step 0's.
    const std::uint64_t size = allocation.size();
    const std::uint64_t offset = size / 2;
    const auto& contents = keep(pattern_of(step.value, size - offset + (step.value == 0 ? 1 : 0)));
    allocation.copy_from(contents.data(), contents.size(), {.stream = stream(), .offset = offset});
    if (allocation.version() != 0) {
        finish();  // only publishing orders what others see
    }
}

std::string Player::find_many() {
    std::vector<std::string> names;
    for (int name = 0; name < kGoodNames; ++name) {
        names.push_back(name_of(name));
    }
    std::string answer;
    for (const auto& found : context_.find_many(names)) {
        answer += (found ? describe(*found) : kNothing) + std::string("; ");
    }
    return answer;
}

std::string Player::list(const Step& step) {
    std::string answer;
    for (const PublicationInfo& info : context_.list(prefix_of(step.name))) {
        answer += answer_of({info.name, info.version, info.size, info.type, info.dimensions, info.attributes}) + "; ";
    }
    return answer;
}

void Player::publish_array(const Step& step) {
    const ArrayChoice& array = array_of(step.array);
    std::uint64_t elements = 1;
    for (const std::int64_t extent : array.dimensions) {
        elements *= static_cast<std::uint64_t>(extent);
    }
    const bool is_endless = elements > 2 * kQuota;  // refused before its contents are read
    const auto& contents = keep(pattern_of(step.value, is_endless ? 1 : elements * array.type.size_bytes()));
    context_.publish_array({.data = contents.data(), .type = array.type, .dimensions = array.dimensions},
                           name_of(step.name),
                           {.stream = stream(), .replace = step.flag, .attributes = attributes_of(step.attributes)});
}

std::string Player::next_event(int expected) {
    if (!watch_) {
        return "no watch";
    }
    const std::chrono::nanoseconds patience = expected == kExpectNothing ? std::chrono::seconds(0) : kPatience;
    auto event = watch_->next(patience);
    while (event && expected == kExpectEnd) {  // events that were under way when the watch ended may come or not
        event = watch_->next(patience);
    }
    return event ? answer_of(*event) : kNothing;
}

std::string Player::stats() {
    if (context_.alive()) {
        return answer_of(context_.stats());
    }
    static_cast<void>(context_.stats());
    return "stats of a Context that is not alive";
}

std::string Player::inspect(const Step& step) const {
    Service view(socket_, kPatience);
    const std::string job = job_of(step.other);
    const auto of_job = [&](auto infos) {
        std::erase_if(infos, [&](const auto& info) { return info.job != job; });
        return answers_of(infos);
    };
    switch (view_of(step)) {
        case View::allocations:
            return answers_of(view.allocations(job));
        case View::publications:
            return answers_of(view.publications(job, prefix_of(step.name)));
        case View::contexts:
            return of_job(view.contexts());
        case View::sessions:
            return of_job(view.sessions());
        case View::operators:
            return answers_of(view.operators(job));
    }
    throw std::logic_error("there is no such view");
}

}  // namespace fastio::test
