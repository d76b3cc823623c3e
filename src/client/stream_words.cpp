#include "client/stream_words.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "device/waiting.hpp"

namespace fastio::detail {
namespace {

// Publications in flight of one client, from which on it waits for its streams.
constexpr std::size_t kMostOwnWords = std::size_t{table::kMostFenceChunks} * table::kFencesPerChunk;

std::array<std::uint8_t, 16> to_array(const std::uint8_t (&bytes)[16]) noexcept {
    std::array<std::uint8_t, 16> array{};
    std::ranges::copy(bytes, array.begin());
    return array;
}

}  // namespace

StreamWords::StreamWords(Connection& connection, table::LeasePages& leases, const std::uint8_t (&instance)[16],
                         std::uint64_t context_id)
    : connection_(connection), leases_(leases), instance_(to_array(instance)), context_id_(context_id) {}

StreamWords::~StreamWords() {
    for (const Own& own : own_) {
        LocalFences::of_process().remove(key(own.word));
    }
    if (pinned_by_ != nullptr) {
        pinned_by_->unpin(leases_.mapping().data());
        pinned_by_->unpin(words_->mapping().data());
    }
}

void StreamWords::prepare(DeviceMemory& memory) {
    const StreamOrder order = memory.info().stream_order;
    if (order == StreamOrder::no_streams || is_ready()) {
        return;
    }
    if (!is_mapped()) {
        ask_for_words();
    }
    if (order == StreamOrder::memory_operations) {
        memory.pin(words_->mapping().data(), words_->mapping().size());
        try {
            memory.pin(leases_.mapping().data(), leases_.mapping().size());
        } catch (...) {
            memory.unpin(words_->mapping().data());
            throw;
        }
        pinned_by_ = &memory;
    }
    ordering_.store(
        order == StreamOrder::memory_operations ? StreamOrdering::memory_operations : StreamOrdering::synchronise,
        std::memory_order_relaxed);
    is_ready_.store(true, std::memory_order_release);  // pairs with is_ready
}

void StreamWords::ask_for_words() {
    {
        const std::lock_guard lock(mutex_);
        if (no_more_ || granted_ >= kMostOwnWords) {
            return;
        }
    }
    std::list<Own> more(table::kFencesPerChunk);  // before anything is granted that would be lost without it
    const wire::FencesReply reply = ask(0);
    more.resize(reply.word_count);
    const std::lock_guard lock(mutex_);
    no_more_ = reply.word_count == 0;
    granted_ += reply.word_count;
    std::uint32_t word = reply.first_word;
    for (Own& own : more) {
        // An earlier owner, which has said bye, may have used it: its count goes on.
        own.word = word++;
        own.last = words_->word(own.word).load(std::memory_order_acquire);
    }
    own_.splice(own_.begin(), more);
}

wire::FencesReply StreamWords::ask(std::uint32_t flags) {
    wire::FencesReply reply;
    Descriptor file;
    {
        wire::GrantFences request;
        request.flags = flags;
        Connection::Turn turn(connection_, "asking for fence words");
        reply = turn.call<wire::FencesReply>(request);
        file = turn.take_descriptor(0);
    }
    if (reply.word_count > table::kFencesPerChunk || reply.first_word > table::kFenceWords - reply.word_count) {
        fail(Errc::protocol_error, "the service grants {} fence words from {}: there are {}", reply.word_count,
             reply.first_word, table::kFenceWords);
    }
    const std::lock_guard lock(mutex_);
    if (!words_) {
        words_.emplace(std::move(file));
        is_mapped_.store(true, std::memory_order_release);  // pairs with is_mapped
    }
    return reply;
}

void StreamWords::map() {
    if (!is_mapped()) {
        static_cast<void>(ask(wire::GrantFences::kNoWords));
    }
}

std::list<StreamWords::Own> StreamWords::take_free(DeviceMemory& memory) {
    std::list<Own> taken;
    const std::lock_guard lock(mutex_);
    // The first is the one used longest ago: when it is in flight, so are most.
    for (std::size_t untried = own_.size(); untried != 0; --untried) {
        const Own& own = own_.front();
        if (!own.mark || memory.has_passed(*own.mark)) {
            taken.splice(taken.begin(), own_, own_.begin());
            break;
        }
        own_.splice(own_.end(), own_, own_.begin());
    }
    return taken;
}

std::list<StreamWords::Own> StreamWords::take(DeviceMemory& memory) {
    std::list<Own> taken = take_free(memory);
    if (taken.empty()) {
        ask_for_words();
        taken = take_free(memory);
    }
    return taken;
}

void StreamWords::give_back(std::list<Own>& taken) noexcept {
    const std::lock_guard lock(mutex_);
    own_.splice(own_.end(), taken);
}

std::optional<table::FenceRef> StreamWords::complete_behind(DeviceMemory& memory, Stream stream) {
    if (is_ready() && memory.info().stream_order == StreamOrder::memory_operations) {
        if (std::list<Own> taken = take(memory); !taken.empty()) {
            Own& own = taken.front();
            // 0 in a record means that there is no fence.
            const table::FenceRef fence{own.word, own.last + 1 != 0 ? own.last + 1 : 1};
            try {
                memory.signal(words_->word(fence.word), fence.value, stream);
            } catch (...) {
                give_back(taken);
                throw;
            }
            own.last = fence.value;
            try {
                own.mark = memory.mark(stream);
                LocalFences::of_process().add(key(fence.word), fence.value, own.mark);
            } catch (...) {
                LocalFences::of_process().remove(key(fence.word));  // the mark of an earlier use
                throw;  // nobody can tell when this word is free again: it is not given back
            }
            give_back(taken);
            return fence;
        }
    }
    synchronised_.fetch_add(1, std::memory_order_relaxed);
    memory.synchronise(stream);
    return std::nullopt;
}

bool StreamWords::is_complete(table::FenceRef fence) const noexcept {
    return !is_mapped() || reached(words_->word(fence.word), fence.value);
}

bool StreamWords::may_be_orphans() const noexcept {
    return !is_mapped() || words_->service_gone().load(std::memory_order_acquire) != 0;
}

bool StreamWords::wait_in(DeviceMemory& memory, table::FenceRef fence, Stream stream) {
    if (const auto mark = LocalFences::of_process().find(key(fence.word), fence.value)) {
        memory.wait_for(*mark, stream);
        return true;
    }
    if (memory.info().stream_order != StreamOrder::memory_operations) {
        return false;
    }
    remember_wait(fence);
    memory.wait(words_->word(fence.word), fence.value, stream);
    return true;
}

void StreamWords::remember_wait(table::FenceRef fence) {
    const std::lock_guard lock(waits_mutex_);
    if (completing_) {
        complete_orphan(fence);
        return;
    }
    std::erase_if(waits_, [this](table::FenceRef earlier) { return is_complete(earlier); });
    waits_.push_back(fence);
}

bool StreamWords::clear_lease_behind(DeviceMemory& memory, std::uint32_t entry, Stream stream) {
    if (!is_ready() || memory.info().stream_order != StreamOrder::memory_operations) {
        return false;
    }
    leases_.leave_to_stream(entry);
    memory.signal(leases_.entry_word(entry), 0, stream);
    return true;
}

void StreamWords::complete_waits() noexcept {
    const std::lock_guard lock(waits_mutex_);
    completing_ = true;
    for (const table::FenceRef fence : waits_) {
        complete_orphan(fence);
    }
    waits_.clear();
}

void StreamWords::complete_orphan(table::FenceRef fence) noexcept {
    // Before the word: who sees that complete sees this. Pairs with may_be_orphans.
    words_->service_gone().store(1, std::memory_order_release);
    complete(words_->word(fence.word), fence.value);
}

void StreamWords::abandon() noexcept {
    is_mapped_.store(false, std::memory_order_release);
    is_ready_.store(false, std::memory_order_release);
    pinned_by_ = nullptr;
    if (words_) {
        words_->abandon();
    }
}

table::FenceRef fence_of(const table::PublicationCopy& copy, std::string_view name, std::string_view call) {
    if (copy.fence_word >= table::kFenceWords) {
        fail(Errc::corrupt_input, "{} of '{}': the table speaks of fence word {} of {}: restart the job", call, name,
             copy.fence_word, table::kFenceWords);
    }
    return {copy.fence_word, copy.fence_value};
}

}  // namespace fastio::detail
