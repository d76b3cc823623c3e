#include "table/index.hpp"

#include "core/fail.hpp"
#include "table/words.hpp"

namespace fastio::table {

Index::Index(TableHeader& header) : header_(&header), words_(kFirstIndexCapacity, IndexWord::kEmpty) {
    arrays_.reserve(kMaxIndexSegments);
    arrays_.emplace_back(SegmentKind::index, segment_bytes(SegmentKind::index));
    current_ = {1, 0};
    store_word(&header_->index_state, current_.pack());
}

void Index::store(std::uint32_t position, std::uint64_t word) noexcept {
    words_[position] = word;
    store_word(arrays_[current_.ordinal].data() + std::uint64_t{position} * kWord, word);
}

void Index::insert(std::uint64_t hash, IndexWord word) noexcept {
    std::uint32_t position = home(hash);
    while (words_[position] > IndexWord::kTombstone) {
        position = after(position);
    }
    tombstones_ -= words_[position] == IndexWord::kTombstone ? 1 : 0;
    ++used_;
    store(position, word.pack());
}

void Index::erase(std::uint32_t position) noexcept {
    --used_;
    if (words_[after(position)] != IndexWord::kEmpty) {
        ++tombstones_;
        store(position, IndexWord::kTombstone);
        return;
    }
    // No probe leads on from here, so the word needs no tombstone, and neither do those just before it.
    store(position, IndexWord::kEmpty);
    for (position = before(position); words_[position] == IndexWord::kTombstone; position = before(position)) {
        --tombstones_;
        store(position, IndexWord::kEmpty);
    }
}

std::uint32_t Index::array_for_rebuild() {
    // Where tombstones fill the array its own size is enough, and the names swap between two arrays of it.
    const std::uint64_t words = 4 * std::uint64_t{used_} <= words_.size() ? words_.size() : 2 * words_.size();
    for (std::uint32_t ordinal = 0; ordinal < arrays_.size(); ++ordinal) {
        if (ordinal != current_.ordinal && arrays_[ordinal].bytes() == words * kWord) {
            return ordinal;
        }
    }
    if (arrays_.size() == kMaxIndexSegments) {
        fail(Errc::table_full, "could not rebuild the index of {} names: all {} index arrays exist", used_,
             kMaxIndexSegments);
    }
    arrays_.emplace_back(SegmentKind::index, words * kWord);
    return static_cast<std::uint32_t>(arrays_.size() - 1);
}

void Index::place(std::vector<std::uint64_t>& words, std::uint64_t hash, std::uint64_t word) noexcept {
    const std::uint64_t mask = words.size() - 1;
    std::uint64_t position = hash & mask;
    while (words[position] != IndexWord::kEmpty) {
        position = (position + 1) & mask;
    }
    words[position] = word;
}

void Index::adopt(std::uint32_t ordinal, std::vector<std::uint64_t> words) noexcept {
    store_words(arrays_[ordinal].data(), words.data(), words.size() * kWord);
    words_ = std::move(words);
    tombstones_ = 0;
    current_ = {current_.epoch + 1, ordinal};
    store_word(&header_->index_state, current_.pack());
}

}  // namespace fastio::table
