#include "kernels/fill.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>

#include "kernels/arguments.hpp"
#include "kernels/fill_kernel.hpp"
#include "kernels/launch.hpp"

namespace fastio::gpu {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

FillWords plan_fill(void* to, std::uint64_t count, DataType type, const void* value) {
    const std::uint64_t bytes = checked_bytes("fill", count, type);
    check_address("fill", to, bytes);
    check_address("fill", value, bytes);
    FillWords plan;
    if (bytes == 0) {
        return plan;
    }
    auto* const begin = static_cast<unsigned char*>(to);
    const std::size_t element = type.size_bytes();
    // The bytes [first, first + size) of the fill, as if it began in `into`.
    const auto copy_bytes = [&](void* into, std::size_t size, std::uint64_t first) {
        for (std::size_t i = 0; i < size; ++i) {
            static_cast<unsigned char*>(into)[i] = static_cast<const unsigned char*>(value)[(first + i) % element];
        }
    };
    const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(to) % kWord;
    plan.head = begin;
    plan.head_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>((kWord - misaligned) % kWord, bytes));
    plan.aligned = begin + plan.head_bytes;
    plan.count = (bytes - plan.head_bytes) / kWord;
    plan.tail_bytes = static_cast<std::uint32_t>((bytes - plan.head_bytes) % kWord);
    plan.tail = begin + (bytes - plan.tail_bytes);

    const std::size_t period_bytes = std::lcm(element, kWord);
    plan.period = static_cast<std::uint32_t>(period_bytes / kWord);
    copy_bytes(plan.words, period_bytes, plan.head_bytes);
    copy_bytes(plan.head_values, plan.head_bytes, 0);
    copy_bytes(plan.tail_values, plan.tail_bytes, bytes - plan.tail_bytes);
    return plan;
}

}  // namespace

void fill(void* to, std::uint64_t count, DataType type, const void* value, Stream stream) {
    const FillWords plan = plan_fill(to, count, type, value);
    const Launch launch(stream, "filling device memory");
    launch.check(launch_fill(plan, launch.stream()));
    launch.finish();
}

void fill_on_host(void* to, std::uint64_t count, DataType type, const void* value) {
    const FillWords plan = plan_fill(to, count, type, value);
    for (std::uint64_t item = 0; item < plan.items(); ++item) {
        plan(item);
    }
}

}  // namespace fastio::gpu
