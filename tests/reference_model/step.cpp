#include "reference_model/step.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>

namespace fastio::test {

const char* to_string(Verb verb) {
    static constexpr std::array<const char*, kVerbs> names{
        "create",     "publish", "release", "get",   "free",     "unpublish", "unpublish_memory", "find",
        "find_many",  "list",    "read",    "write", "set_type", "move",      "publish_array",    "watch",
        "next_event", "stats",   "close",   "join",  "inspect",  "remove",    "end_job",          "kill"};
    return names.at(static_cast<std::size_t>(verb));
}

std::uint64_t version_of(const Step& step) {
    return step.flag ? static_cast<std::uint64_t>(step.value) : 0;
}

View view_of(const Step& step) {
    return static_cast<View>(step.value % kViews);
}

void showValue(const Step& step, std::ostream& out) {
    out << to_string(step.verb) << "(client " << step.client << ", slot " << step.slot << ", other " << step.other
        << ", name " << step.name << ", array " << step.array << ", attributes " << step.attributes << ", value "
        << step.value << (step.flag ? ", flag)" : ")");
}

std::string encode(const Step& step) {
    std::ostringstream out;
    out << static_cast<int>(step.verb) << ' ' << step.client << ' ' << step.slot << ' ' << step.other << ' '
        << step.name << ' ' << step.array << ' ' << step.attributes << ' ' << step.value << ' ' << step.flag;
    return out.str();
}

Step decode(const std::string& text) {
    std::istringstream in(text);
    Step step;
    int verb = 0;
    in >> verb >> step.client >> step.slot >> step.other >> step.name >> step.array >> step.attributes >> step.value >>
        step.flag;
    step.verb = static_cast<Verb>(verb);
    return step;
}

const std::string& name_of(int name) {
    static const std::array<std::string, kNames> names{
        "volume", "volume/mask", "\xC3\xA9t\xC3\xA9", std::string(255, 'n'), "", std::string(256, 'n'), "\xC3("};
    return names.at(static_cast<std::size_t>(name));
}

std::string label_of(const std::string& name) {
    for (int choice = 0; choice < kNames; ++choice) {
        if (name_of(choice) == name) {
            return "n" + std::to_string(choice);
        }
    }
    return "unknown name " + name;
}

const std::string& prefix_of(int name) {
    static const std::array<std::string, kNames> prefixes{
        "", "vol", "volume/", std::string(255, 'n'), "nobody", std::string(256, 'n'), "v"};
    return prefixes.at(static_cast<std::size_t>(name));
}

const ArrayChoice& array_of(int array) {
    static const std::array<ArrayChoice, kArrays> arrays{{
        {uint8, {100}},
        {float32, {5, 7}},
        {float64, {}},
        {int16, {0, 3}},
        {DataType{TypeCode::floating, 32, 4}, {3, 2, 1, 5, 1, 1, 2, 1}, 4096},
        {uint8, {70'000}},
        {complex128, {4, 1'000}},
        {uint8, {150 * 1024}},
        {bool_, {static_cast<std::int64_t>(kQuota) + 1}},
        {uint8, {std::int64_t{1} << 50}},
        {int8, {-1}},
        {int8, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
        {float64, {std::int64_t{1} << 31, std::int64_t{1} << 31}},
        {DataType{TypeCode::integer, 7, 1}, {8}},
        {uint8, {100}, 384},
    }};
    return arrays.at(static_cast<std::size_t>(array));
}

const Attributes& attributes_of(int attributes) {
    static const std::array<Attributes, kAttributes> choices{{{},
                                                              {{"unit", "mm"}},
                                                              {{"a", ""}, {"b", std::string(3'000, 'b')}},
                                                              {{"k", std::string(4'091, 'v')}},
                                                              {{"k", std::string(4'092, 'v')}},
                                                              {{"", "no key"}}}};
    return choices.at(static_cast<std::size_t>(attributes));
}

std::string job_of(int job) {
    return "job" + std::to_string(job);
}

std::vector<std::byte> pattern_of(int value, std::uint64_t size) {
    std::vector<std::byte> bytes(size);
    std::uint32_t state = static_cast<std::uint32_t>(value) + 1;
    for (std::byte& byte : bytes) {
        state = state * 1'664'525U + 1'013'904'223U;
        byte = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

}  // namespace fastio::test
