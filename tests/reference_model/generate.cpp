#include "reference_model/generate.hpp"

#include <algorithm>
#include <sstream>

namespace fastio::test {
namespace {

/// Says nothing: the test says it.
class Silence final : public rc::detail::TestListener {
public:
    void onTestCaseFinished(const rc::detail::CaseDescription& /*description*/) override {}
    void onShrinkTried(const rc::detail::CaseDescription& /*shrink*/, bool /*accepted*/) override {}
    void onTestFinished(const rc::detail::TestMetadata& /*metadata*/,
                        const rc::detail::TestResult& /*result*/) override {}
};

/// Uniform, whatever the size of the case; smaller ones are simpler.
rc::Gen<int> below(int limit) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, limit));
}

/// Mostly below `usual`.
rc::Gen<int> mostly_below(int usual, int limit) {
    return rc::gen::weightedOneOf<int>({{9, below(usual)}, {1, below(limit)}});
}

rc::Gen<Verb> any_verb(std::size_t kills) {
    return rc::gen::weightedElement<Verb>({{12, Verb::create},
                                           {16, Verb::publish},
                                           {6, Verb::release},
                                           {12, Verb::get},
                                           {5, Verb::free},
                                           {4, Verb::unpublish},
                                           {3, Verb::unpublish_memory},
                                           {4, Verb::find},
                                           {3, Verb::find_many},
                                           {4, Verb::list},
                                           {5, Verb::read},
                                           {4, Verb::write},
                                           {4, Verb::set_type},
                                           {2, Verb::move},
                                           {6, Verb::publish_array},
                                           {3, Verb::watch},
                                           {8, Verb::next_event},
                                           {3, Verb::stats},
                                           {1, Verb::close},
                                           {3, Verb::join},
                                           {3, Verb::inspect},
                                           {1, Verb::remove},
                                           {1, Verb::end_job},
                                           {kills, Verb::kill}});
}

rc::Gen<Verb> verb_of_contents(std::size_t kills) {
    return rc::gen::weightedElement<Verb>({{14, Verb::create},
                                           {24, Verb::publish},
                                           {30, Verb::get},
                                           {10, Verb::write},
                                           {6, Verb::publish_array},
                                           {5, Verb::release},
                                           {4, Verb::find},
                                           {3, Verb::read},
                                           {3, Verb::free},
                                           {1, Verb::unpublish},
                                           {1, Verb::move},
                                           {1, Verb::close},
                                           {1, Verb::join},
                                           {kills, Verb::kill}});
}

}  // namespace

rc::Gen<Step> step_generator(Mix mix) {
    const std::size_t kills = mix.kills ? 4 : 0;
    const rc::Gen<Verb> verbs = mix.mostly_contents ? verb_of_contents(kills / 2) : any_verb(kills);
    // Even ones are those that go through streams.
    const rc::Gen<int> values =
        mix.mostly_contents ? rc::gen::map(below(4), [](int half) { return 2 * half; }) : below(8);
    return rc::gen::build<Step>(
        rc::gen::set(&Step::verb, verbs), rc::gen::set(&Step::client, below(kClients)),
        rc::gen::set(&Step::slot, below(kSlots)), rc::gen::set(&Step::other, below(kJobs)),
        rc::gen::set(&Step::name, mostly_below(2, kNames)),
        rc::gen::set(&Step::array, mostly_below(kSmallArrays, kArrays)),
        rc::gen::set(&Step::attributes, mostly_below(3, kAttributes)), rc::gen::set(&Step::value, values),
        rc::gen::set(&Step::flag, rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<bool>())));
}

Search search(const std::function<std::string(const std::vector<Step>&)>& play, Mix mix, double scale,
              std::uint64_t seed) {
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    params.maxSuccess = std::max(1, static_cast<int>(params.maxSuccess * scale));
    params.seed = seed != 0 ? seed : params.seed;
    Search result;
    const auto property = [&] {
        const auto steps = *rc::gen::container<std::vector<Step>>(step_generator(mix));
        const std::string wrong = play(steps);
        if (!wrong.empty()) {
            result.fewest_steps = result.failed ? std::min(result.fewest_steps, steps.size()) : steps.size();
            result.failed = true;
            RC_FAIL(wrong);
        }
    };
    Silence silence;
    const rc::detail::TestResult outcome =
        rc::detail::checkProperty(rc::detail::toProperty(property), rc::detail::TestMetadata{}, params, silence);
    if (!outcome.template is<rc::detail::SuccessResult>()) {
        result.failed = true;
        std::ostringstream out;
        rc::detail::printResultMessage(outcome, out);
        out << "\nTo repeat it: RC_PARAMS=\"seed=" << params.seed << "\"\n";
        result.text = out.str();
    }
    return result;
}

}  // namespace fastio::test
