#include "core/life_cycle.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace fastio {
namespace {

using S = AllocationState;
using E = AllocationEvent;

constexpr S kStates[] = {S::vacant, S::created, S::live, S::retired};
constexpr E kEvents[] = {E::create, E::publish, E::last_name, E::drop_hold, E::reclaim};

class Transition : public testing::TestWithParam<std::pair<S, E>> {};

TEST_P(Transition, LeadsWhereTheTableSays) {
    const std::map<std::pair<S, E>, S> table = {
        {{S::vacant, E::create}, S::created},  {{S::created, E::publish}, S::live},
        {{S::live, E::publish}, S::live},      {{S::retired, E::publish}, S::live},
        {{S::live, E::last_name}, S::retired}, {{S::created, E::drop_hold}, S::retired},
        {{S::retired, E::reclaim}, S::vacant},
    };
    const auto entry = table.find(GetParam());
    const auto expected = entry == table.end() ? std::nullopt : std::optional(entry->second);
    EXPECT_EQ(next_state(GetParam().first, GetParam().second), expected);
}

std::vector<std::pair<S, E>> every_pair() {
    std::vector<std::pair<S, E>> pairs;
    for (const S state : kStates) {
        for (const E event : kEvents) {
            pairs.emplace_back(state, event);
        }
    }
    return pairs;
}

std::string title_of(const testing::TestParamInfo<std::pair<S, E>>& tested) {
    const char* states[] = {"vacant", "created", "live", "retired"};
    const char* events[] = {"create", "publish", "last_name", "drop_hold", "reclaim"};
    const auto [state, event] = tested.param;
    return std::string(states[static_cast<int>(state)]) + "_" + events[static_cast<int>(event)];
}

INSTANTIATE_TEST_SUITE_P(Every, Transition, testing::ValuesIn(every_pair()), title_of);

TEST(LifeCycle, HasNoTransitionOutOfAnUnknownStateOrByAnUnknownEvent) {
    for (const E event : kEvents) {
        EXPECT_EQ(next_state(static_cast<S>(4), event), std::nullopt);
    }
    for (const S state : kStates) {
        EXPECT_EQ(next_state(state, static_cast<E>(5)), std::nullopt);
    }
}

TEST(StateWord, RoundTripsEveryField) {
    for (const S state : kStates) {
        for (const bool poisoned : {false, true}) {
            for (const std::uint32_t generation : {0U, 1U, 0x7FFF'FFFFU, 0x8000'0000U, 0xFFFF'FFFFU}) {
                const StateWord word{generation, state, poisoned};
                EXPECT_EQ(StateWord::unpack(word.pack()), word);
            }
        }
    }
}

TEST(StateWord, PlacesGenerationHighPoisonInBit31AndStateLow) {
    EXPECT_EQ((StateWord{1, S::vacant, false}.pack()), 0x0000'0001'0000'0000U);
    EXPECT_EQ((StateWord{0, S::vacant, true}.pack()), 0x0000'0000'8000'0000U);
    EXPECT_EQ((StateWord{0, S::retired, false}.pack()), 3U);
}

TEST(StateWord, OfAllZeroesIsVacant) {
    EXPECT_EQ(StateWord::unpack(0), (StateWord{0, S::vacant, false}));
}

}  // namespace
}  // namespace fastio
