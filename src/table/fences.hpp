#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "device/descriptor.hpp"
#include "device/mapping.hpp"
#include "table/layout.hpp"

namespace fastio::table {

/// Names one use of a fence word: the contents are complete when the word has reached the value.
struct FenceRef {
    std::uint32_t word = 0;
    std::uint64_t value = 0;  ///< 0: complete from the start
    friend bool operator==(const FenceRef&, const FenceRef&) = default;
};

/// The fence words of a context as a member maps them: it writes its own (through its GPU), reads the others' and, when
/// the service has died, completes those that its streams wait for.
///
/// *Thread safety:* every member, from any thread.
class FenceWords {
public:
    /// Errors: io_error, protocol_error (size, seals).
    explicit FenceWords(Descriptor file);

    /// `index` below kFenceWords.
    [[nodiscard]] std::atomic<std::uint64_t>& word(std::uint32_t index) const noexcept {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data())[index];
    }
    /// See kServiceGoneWord. Hostile like all words: any member may set it.
    [[nodiscard]] std::atomic<std::uint64_t>& service_gone() const noexcept { return word(kServiceGoneWord); }
    [[nodiscard]] const Mapping& mapping() const noexcept { return mapping_; }
    void abandon() noexcept;  ///< in a forked child: forget the mapping, which is not there

private:
    Mapping mapping_;
    Descriptor file_;
};

/// The service's side: whose words are whose. What stands in the words is hostile and only compared.
///
/// *Thread safety:* none; the control thread's own.
///
/// *Invariant.* A word that a dead session's GPU may still write is never given to another session: chunks come back by
/// give_back only, after a bye, when nothing is outstanding and the next owner counts on from what it finds.
class FenceBook {
public:
    /// Errors: out_of_memory, io_error.
    FenceBook();

    [[nodiscard]] int file() const noexcept { return file_.get(); }
    /// The first word of a chunk that is `session`'s from now on; empty when all are given out, or it has as many as
    /// one may have.
    [[nodiscard]] std::optional<std::uint32_t> grant(std::uint64_t session);
    [[nodiscard]] bool owns(std::uint64_t session, std::uint32_t word) const noexcept;
    /// After a bye: the session's chunks may be granted again.
    void give_back(std::uint64_t session);
    /// After any other end: they may not.
    void retire(std::uint64_t session) noexcept { chunks_.erase(session); }

    [[nodiscard]] std::atomic<std::uint64_t>& word(std::uint32_t index) const noexcept {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(mapping_.data())[index];
    }

private:
    Descriptor file_;
    Mapping mapping_;
    std::map<std::uint64_t, std::vector<std::uint32_t>> chunks_;  // by session
    std::vector<std::uint32_t> free_;
    std::uint32_t fresh_ = 0;  // chunks from here on were never granted
};

}  // namespace fastio::table
