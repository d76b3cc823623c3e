#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "table/layout.hpp"
#include "table/segments.hpp"

namespace fastio::table {

/// The writer's side of the index: open addressing with linear probing, a power of two of words. It decides on a
/// private copy of the words and stores each change into the shared array.
///
/// *Thread safety:* none.
///
/// *Invariants.*
/// 1. At most half of the words are in use or tombstones once make_room() has returned, so every probe ends.
/// 2. A word never moves within one array. A rebuild goes into another array, and index_state names it only when it is
///    complete (release; pairs with the reader's acquire load of index_state).
/// 3. Between a word and its home position no word is empty.
class Index {
public:
    /// Makes the first array. Errors: out_of_memory, io_error.
    explicit Index(TableHeader& header);

    /// The position of the word of this hash whose record `is_it(record)` accepts.
    template <class IsIt>
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, IsIt&& is_it) const {
        const auto fingerprint = static_cast<std::uint16_t>(hash >> 48);
        for (std::uint32_t position = home(hash);; position = after(position)) {
            const std::uint64_t word = words_[position];
            if (word == IndexWord::kEmpty) {
                return std::nullopt;
            }
            if (word != IndexWord::kTombstone && IndexWord::unpack(word).fingerprint == fingerprint &&
                is_it(IndexWord::unpack(word).record)) {
                return position;
            }
        }
    }

    /// After this one insert() is possible; rebuilds where the array is too full. `hash_of(record)`. Errors:
    /// out_of_memory, io_error; then nothing changed.
    template <class HashOf>
    void make_room(HashOf&& hash_of) {
        if (2 * (std::uint64_t{used_} + tombstones_ + 1) <= words_.size()) {
            return;
        }
        const std::uint32_t ordinal = array_for_rebuild();
        std::vector<std::uint64_t> fresh(arrays_[ordinal].bytes() / sizeof(std::uint64_t), IndexWord::kEmpty);
        for (const std::uint64_t word : words_) {
            if (word > IndexWord::kTombstone) {
                place(fresh, hash_of(IndexWord::unpack(word).record), word);
            }
        }
        adopt(ordinal, std::move(fresh));
    }

    /// Commits a name that is not there yet. Only after make_room().
    void insert(std::uint64_t hash, IndexWord word) noexcept;
    /// Commits a change of the word at `position`: the name is never absent in between.
    void replace(std::uint32_t position, IndexWord word) noexcept { store(position, word.pack()); }
    void erase(std::uint32_t position) noexcept;

    [[nodiscard]] std::uint32_t record_at(std::uint32_t position) const noexcept {
        return IndexWord::unpack(words_[position]).record;
    }

    /// `visit(record)` for every word in use.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const std::uint64_t word : words_) {
            if (word > IndexWord::kTombstone) {
                visit(IndexWord::unpack(word).record);
            }
        }
    }

    [[nodiscard]] std::uint32_t used() const noexcept { return used_; }
    [[nodiscard]] const OwnedSegment* array(std::uint32_t ordinal) const noexcept {
        return ordinal < arrays_.size() ? &arrays_[ordinal] : nullptr;
    }

private:
    [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(hash) & static_cast<std::uint32_t>(words_.size() - 1);
    }
    [[nodiscard]] std::uint32_t after(std::uint32_t position) const noexcept {
        return (position + 1) & static_cast<std::uint32_t>(words_.size() - 1);
    }
    [[nodiscard]] std::uint32_t before(std::uint32_t position) const noexcept {
        return (position - 1) & static_cast<std::uint32_t>(words_.size() - 1);
    }
    void store(std::uint32_t position, std::uint64_t word) noexcept;
    [[nodiscard]] std::uint32_t array_for_rebuild();
    static void place(std::vector<std::uint64_t>& words, std::uint64_t hash, std::uint64_t word) noexcept;
    void adopt(std::uint32_t ordinal, std::vector<std::uint64_t> words) noexcept;

    TableHeader* header_;
    std::vector<OwnedSegment> arrays_;  ///< by ordinal; at most two of a size
    IndexState current_{};
    std::vector<std::uint64_t> words_;  ///< what the current array holds
    std::uint32_t used_ = 0;
    std::uint32_t tombstones_ = 0;
};

}  // namespace fastio::table
