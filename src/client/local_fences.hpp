#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "device/device_memory.hpp"
#include "table/fences.hpp"

namespace fastio::detail {

/// The fences that streams of this process will complete, so that its other streams wait for them by an event: a wait
/// for a word could stand ahead of the word's write in one hardware queue and never end (design P6). Of the process,
/// because producer and consumer may be two Contexts of one program.
///
/// *Thread safety:* every member, from any thread.
class LocalFences {
public:
    /// One fence word among all of all services and contexts.
    struct Key {
        std::array<std::uint8_t, 16> instance{};  ///< of the service
        std::uint64_t context = 0;
        std::uint32_t word = 0;
        // NOLINTNEXTLINE(modernize-use-nullptr): it takes the comparison with 0 for one of pointers
        friend auto operator<=>(const Key&, const Key&) = default;
    };

    [[nodiscard]] static LocalFences& of_process() noexcept;

    /// The stream that completes the word's use for `value` was marked. Errors: std::bad_alloc.
    void add(const Key& key, std::uint64_t value, std::shared_ptr<StreamMark> mark);
    /// Null if no stream of this process completes it.
    [[nodiscard]] std::shared_ptr<StreamMark> find(const Key& key, std::uint64_t value);
    void remove(const Key& key) noexcept;

private:
    struct Entry {
        std::uint64_t value = 0;
        std::shared_ptr<StreamMark> mark{};
    };
    std::mutex mutex_;
    std::map<Key, Entry> entries_;
};

}  // namespace fastio::detail
