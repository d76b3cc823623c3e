#include "table/fences.hpp"

#include <algorithm>

#include "core/fail.hpp"
#include "device/memfd.hpp"

namespace fastio::table {

FenceWords::FenceWords(Descriptor file) : file_(std::move(file)) {
    const std::uint64_t bytes = file_bytes(file_.get());
    if (!has_size_seals(file_.get()) || bytes != kFenceFileBytes) {
        fail(Errc::protocol_error, "could not map fence words: the file has {} bytes, expected {}, sealed in size",
             bytes, kFenceFileBytes);
    }
    mapping_ = Mapping(file_.get(), bytes, Mapping::Access::read_write, Mapping::Fork::not_inherited);
}

void FenceWords::abandon() noexcept {
    mapping_.abandon();
    file_.reset();
}

FenceBook::FenceBook() : file_(make_memfd("fastio-fences", kFenceFileBytes)) {
    reserve_pages(file_.get(), 0, kFenceFileBytes);
    seal_size(file_.get());
    mapping_ = Mapping(file_.get(), kFenceFileBytes, Mapping::Access::read_write, Mapping::Fork::not_inherited);
}

std::optional<std::uint32_t> FenceBook::grant(std::uint64_t session) {
    if (free_.empty() && fresh_ == kFenceChunks) {
        return std::nullopt;
    }
    std::vector<std::uint32_t>& own = chunks_[session];
    if (own.size() >= kMostFenceChunks) {
        return std::nullopt;
    }
    own.reserve(own.size() + 1);
    free_.reserve(fresh_ + 1);  // so that give_back cannot fail
    std::uint32_t chunk = fresh_;
    if (free_.empty()) {
        ++fresh_;
    } else {
        chunk = free_.back();
        free_.pop_back();
    }
    own.push_back(chunk);
    return chunk * kFencesPerChunk;
}

bool FenceBook::owns(std::uint64_t session, std::uint32_t word) const noexcept {
    const auto own = chunks_.find(session);
    return own != chunks_.end() && std::ranges::find(own->second, word / kFencesPerChunk) != own->second.end();
}

void FenceBook::give_back(std::uint64_t session) {
    const auto own = chunks_.find(session);
    if (own != chunks_.end()) {
        free_.insert(free_.end(), own->second.begin(), own->second.end());
        chunks_.erase(own);
    }
}

}  // namespace fastio::table
