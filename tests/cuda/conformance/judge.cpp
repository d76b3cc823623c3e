#include "judge.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "calls.hpp"
#include "question.hpp"

namespace fastio::conformance {
namespace {

constexpr std::string_view kSkipped = "skipped: ";

/// What a rule is expected to answer on this platform.
std::string_view expectation(const Rule& rule, const Platform& platform) {
    const bool claims = platform.is_emulator() && rule.emulated != kSame && rule.emulated != kNotModelled;
    return claims ? rule.emulated : rule.expected;
}

bool is_one_of(std::string_view answer, std::string_view alternatives) {
    constexpr std::string_view kBetween = " | ";
    for (;;) {
        const std::size_t end = alternatives.find(kBetween);
        if (alternatives.substr(0, end) == answer) {
            return true;
        }
        if (end == std::string_view::npos) {
            return false;
        }
        alternatives.remove_prefix(end + kBetween.size());
    }
}

/// Why it is not asked here; empty if it is.
std::string obstacle(const Rule& rule, const Platform& platform) {
    if (platform.is_emulator() && rule.emulated == kNotModelled) {
        return "the emulator does not model it";
    }
    return rule.needs_gpu ? platform.why_none : "";
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::matches:
            return "matches";
        case Verdict::differs:
            return "differs";
        case Verdict::recorded:
            return "recorded";
        case Verdict::skipped:
            break;
    }
    return "skipped";
}

Platform find_platform(std::chrono::seconds limit) {
    std::vector<Question> question;
    question.emplace_back(std::vector<std::string>{"--platform"}, limit);
    while (!question.front().is_over()) {
        hear_some(question);
    }
    const std::string& answer = question.front().answer();
    if (!answer.starts_with('[')) {
        throw std::runtime_error("the process that asks who is there: " + answer + "\n" + question.front().noise());
    }
    return platform_from(answer);
}

Verdict compare(const Rule& rule, const Platform& platform, std::string_view got) {
    const std::string_view expected = expectation(rule, platform);
    if (got.starts_with(kSkipped)) {
        return Verdict::skipped;
    }
    if (expected.empty() || (rule.grade == Grade::unknown && !platform.is_emulator())) {
        return Verdict::recorded;
    }
    return is_one_of(got, expected) ? Verdict::matches : Verdict::differs;
}

void judge(std::span<const Rule> rules, const Platform& platform, const Conditions& conditions,
           const std::function<void(std::size_t, const Finding&)>& tell) {
    const auto tell_answer = [&](std::size_t index, const std::string& got, const std::string& noise) {
        const Rule& rule = rules[index];
        tell(index, {std::string(expectation(rule, platform)), got, compare(rule, platform, got), noise});
    };
    std::vector<Question> running;
    std::vector<std::size_t> indices;
    std::size_t next = 0;
    while (next < rules.size() || !running.empty()) {
        if (next < rules.size() && running.size() < conditions.jobs) {
            if (const std::string reason = obstacle(rules[next], platform); !reason.empty()) {
                tell_answer(next, std::string(kSkipped) + reason, "");
            } else {
                running.emplace_back(std::vector<std::string>{"--answer", std::string(rules[next].id)},
                                     limit_of(rules[next], conditions));
                indices.push_back(next);
            }
            ++next;
            continue;
        }
        hear_some(running);
        for (std::size_t i = running.size(); i-- > 0;) {
            if (running[i].is_over()) {
                tell_answer(indices[i], running[i].answer(), running[i].noise());
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
                indices.erase(indices.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
    }
}

std::chrono::seconds limit_of(const Rule& rule, const Conditions& conditions) {
    return std::max(conditions.limit / rule.limit_parts, std::chrono::seconds(1));
}

std::size_t batch_at(std::span<const Rule> rules) {
    std::size_t size = 1;
    while (!rules.front().alone && size < rules.size() && !rules[size].alone) {
        ++size;
    }
    return size;
}

bool fails(const Rule& rule, Verdict verdict, bool strict) {
    const bool certain = rule.grade == Grade::documented || rule.grade == Grade::tested;
    return verdict == Verdict::differs && (strict || certain);
}

std::string answer(std::string_view id) {
    const std::vector<Rule> rules = all_rules();
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& one) { return one.id == id; });
    try {
        if (rule->needs_gpu) {
            must(cudaFree(nullptr), "cudaFree(null), which makes the context");
        }
        return rule->ask();
    } catch (const Skipped& skipped) {
        return std::string(kSkipped) + skipped.what();
    } catch (const std::exception& error) {
        return std::string("failed: ") + error.what();
    }
}

std::string to_json(const Rule& rule, const Finding& finding, const Platform& platform) {
    nlohmann::ordered_json line;
    line["rule"] = rule.id;
    line["text"] = rule.text;
    line["expected"] = finding.expected;
    line["got"] = finding.got;
    line["grade"] = to_string(rule.grade);
    line["verdict"] = to_string(finding.verdict);
    line["library"] = platform.library;
    line["driver"] = platform.driver;
    line["gpu"] = platform.gpu;
    return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace fastio::conformance
