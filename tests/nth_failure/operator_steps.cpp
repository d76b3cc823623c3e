#include "operator_steps.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fastio/fastio.hpp>
#include <initializer_list>
#include <new>
#include <numeric>
#include <optional>
#include <sstream>
#include <vector>

#include "seam.hpp"
#include "support/leak_check.hpp"
#include "table/leases.hpp"

namespace fastio::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kBytes = 100'000;

class Operator {
public:
    /// `lap`: jobs of its own, because who could not say bye stays a member as long as this process lives.
    Operator(const ForkedService& service, Plan& plan, const Order& order, int lap)
        : service_(service), plan_(plan), order_(order), lap_(' ' + std::to_string(lap)) {}

    std::string run() {
        const LeakCheck leaks;
        prepare();
        disturbed();
        if (wrong_.str().empty()) {
            go_on();
        }
        made_.reset();
        got_.reset();
        many_.clear();
        watch_.reset();
        other_.reset();
        own_.reset();
        check_leaks(leaks.difference());
        return wrong_.str();
    }

private:
    [[nodiscard]] ContextOptions options(const char* job = "job") const {
        return {.job = job + lap_, .socket = service_.socket(), .connect_timeout = 0s};
    }

    [[nodiscard]] bool is_one_of(std::initializer_list<Step> steps) const {
        return std::find(steps.begin(), steps.end(), order_.step) != steps.end();
    }

    // Everything that comes before the step.
    void prepare() {
        other_.emplace(options());
        Allocation theirs = other_->create(kBytes);
        fill(theirs, 1);
        theirs.publish("theirs");
        if (order_.step == Step::join || order_.step == Step::found) {
            return;
        }
        own_.emplace(
            options(order_.step == Step::create || order_.step == Step::close_last ? "job of its own" : "job"));
        if (order_.step == Step::replace) {
            Allocation first = own_->create(kBytes);
            fill(first, 4);
            first.publish("own");
        }
        if (is_one_of({Step::publish, Step::replace, Step::unpublish, Step::free, Step::release, Step::close})) {
            made_ = own_->create(kBytes);
            fill(*made_, 2);
        }
        if (is_one_of({Step::unpublish, Step::free})) {
            made_->publish("own");
        }
        if (order_.step == Step::unpublish) {
            own_->create(kBytes).publish("other");
        }
        if (order_.step == Step::close_last) {
            made_ = own_->create(kBytes);
            own_->create(kBytes).publish("own");
        }
        if (is_one_of({Step::free, Step::release, Step::close})) {
            got_ = own_->get("theirs");
        }
        while (order_.step == Step::get_beyond_a_chunk && many_.size() < table::kLeasesPerChunk) {
            many_.push_back(own_->get("theirs"));
        }
    }

    void disturbed() {
        plan_.arm(order_.role, order_.kind, order_.nth, order_.for_ever);
        try {
            perform();
            finish();
        } catch (const Error& error) {
            finish();
            failed_ = error.errc();
            if (error.what() == std::string()) {
                wrong_ << "an error without a text; ";
            }
        } catch (const std::bad_alloc&) {
            finish();
            failed_ = Errc::out_of_memory;
            if (order_.kind != FaultKind::allocation || order_.role != Role::client) {
                wrong_ << "std::bad_alloc, and no allocation of this process failed; ";
            }
        } catch (const std::exception& error) {
            finish();
            wrong_ << "an error without a type: " << error.what() << "; ";
        }
        if (order_.kind == FaultKind::interruption && failed_ && order_.step != Step::wait) {
            wrong_ << "an interrupted call was noticed: " << to_string(*failed_) << "; ";
        }
        if (failed_ && plan_.faults == 0) {
            wrong_ << "failed without a fault: " << to_string(*failed_) << "; ";
        }
    }

    void finish() {
        if (order_.role == Role::service) {
            service_.finish_round(plan_);
        }
        plan_.disarm();
    }

    void perform() {
        switch (order_.step) {
            case Step::join:
                own_.emplace(options());
                break;
            case Step::found:
                own_.emplace(options("job of its own"));
                break;
            case Step::create:
                made_ = own_->create(kBytes);
                break;
            case Step::publish:
                made_->publish("own", {.attributes = {{"key", std::string(3000, 'v')}}});
                break;
            case Step::get:
            case Step::get_beyond_a_chunk:
                got_ = own_->get("theirs");
                break;
            case Step::wait:
                static_cast<void>(own_->find("nobody", {.timeout = 1ms}));
                break;
            case Step::watch:
                watch_.emplace(own_->watch("x"));
                break;
            case Step::free:
                got_->release();
                made_->free();
                break;
            case Step::replace:
                made_->publish("own", {.replace = true, .attributes = {{"key", std::string(3000, 'v')}}});
                break;
            case Step::unpublish:
                own_->unpublish("other");
                made_->unpublish();
                break;
            case Step::publish_array: {
                std::vector<std::uint8_t> bytes(kBytes);
                std::iota(bytes.begin(), bytes.end(), std::uint8_t{2});
                own_->publish_array(
                    {.data = bytes.data(), .type = uint8, .dimensions = {static_cast<std::int64_t>(kBytes)}}, "own");
                break;
            }
            case Step::list:
                if (own_->list().size() != 1) {
                    wrong_ << "the list is not complete; ";
                }
                break;
            case Step::release:
                got_->release();
                made_->release();
                break;
            case Step::close:
            case Step::close_last:
                made_.reset();
                got_.reset();
                own_.reset();
                break;
        }
    }

    // The next requests work: with what there is, unless that was told that it is lost, and with a new Context.
    void go_on() {
        const char* at = "";
        try {
            if (order_.step == Step::release) {
                notice_the_end();
            }
            if (own_ && own_->alive()) {
                at = "the same Context: ";
                use_own();
            }
            if (other_ && other_->alive()) {
                at = "the other Context: ";
                use(*other_, "a");
            }
            at = "a new Context: ";
            Context fresh(options());
            use(fresh, "b");
            at = "";
        } catch (const std::exception& error) {
            wrong_ << at << error.what() << "; ";
        }
    }

    // A release asks the service nothing: that a fault has ended the session is found out by the first request.
    void notice_the_end() {
        try {
            static_cast<void>(own_->stats());
        } catch (const Error& error) {
            if (plan_.faults == 0 || error.errc() != Errc::service_lost) {
                throw;
            }
        }
    }

    void use_own() {
        if (is_one_of({Step::publish, Step::publish_array})) {
            if (failed_ && own_->find("own")) {
                wrong_ << "what could not be published is there; ";
            }
            if (failed_) {
                perform();
            }
            check(own_->get("own"), 2);
        }
        if (order_.step == Step::get_beyond_a_chunk) {
            check(own_->get("theirs"), 1);
        }
        if (order_.step == Step::replace) {
            check(own_->get("own"), failed_ ? 4 : 2);
            perform();
            check(own_->get("own"), 2);
        }
        if (order_.step == Step::unpublish) {
            if (!failed_ && (own_->find("own") || own_->find("other"))) {
                wrong_ << "what was unpublished is there; ";
            }
            made_->unpublish();
            if (own_->find("other")) {
                own_->unpublish("other");
            }
            if (own_->find("own") || own_->find("other")) {
                wrong_ << "what was unpublished again is there; ";
            }
        }
        if (order_.step == Step::release && failed_) {
            wrong_ << "a release failed; ";
        }
        if (order_.step == Step::free) {
            if (!failed_ && own_->find("own")) {
                wrong_ << "what was freed is there; ";
            }
            if (made_ && *made_) {
                made_->free();
            }
            if (got_ && *got_) {
                got_->release();
            }
            if (own_->find("own")) {
                wrong_ << "what was freed again is there; ";
            }
        }
        use(*own_, "c");
        // Held now: what this operator and the other published, and what was made.
        made_.reset();
        got_.reset();
        many_.clear();
        const ContextStats stats = own_->stats();
        const std::uint64_t names = own_->list().size();
        if (stats.own_leases != 0) {
            wrong_ << stats.own_leases << " leases are left; ";
        }
        if (stats.publications != names || stats.allocations != names) {
            wrong_ << stats.allocations << " allocations and " << stats.publications << " publications of " << names
                   << " names; ";
        }
    }

    static void fill(Allocation& allocation, std::uint8_t first) {
        const auto bytes = allocation.as_span<std::uint8_t>();
        std::iota(bytes.begin(), bytes.end(), first);
    }

    void check(const Allocation& allocation, std::uint8_t first) {
        std::uint8_t expected = first;
        for (const std::uint8_t byte : allocation.as_span<const std::uint8_t>()) {
            if (byte != expected++) {
                wrong_ << "a wrong byte; ";
                return;
            }
        }
    }

    void use(Context& context, const std::string& name) {
        Allocation made = context.create(kBytes);
        fill(made, 3);
        made.publish(name);
        check(context.get(name), 3);
        if (const auto theirs = context.find("theirs")) {
            check(*theirs, 1);
        }
        made.free();
    }

    // Nothing can be sent into one, though the service has its own end open.
    static bool is_lifeline(int socket) {
        pollfd end{socket, 0, 0};
        return ::poll(&end, 1, 0) == 0 && ::send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
    }

    // Who could not say bye keeps the lifeline for as long as the process lives, so that the service knows when that
    // ends. Anything else is a leak.
    void check_leaks(const std::string& difference) {
        std::istringstream lines(difference);
        std::size_t lifelines = 0;
        for (std::string line; std::getline(lines, line);) {
            int descriptor = -1;
            if (std::sscanf(line.c_str(), "descriptor %d is open: socket:", &descriptor) == 1 &&
                is_lifeline(descriptor) && ++lifelines <= kMostContexts) {
                continue;
            }
            wrong_ << "left over: " << line << "; ";
        }
        if (lifelines != 0 && plan_.faults == 0) {
            wrong_ << "a bye was not said; ";
        }
    }
    static constexpr std::size_t kMostContexts = 2;

    const ForkedService& service_;
    Plan& plan_;
    const Order order_;
    const std::string lap_;
    std::optional<Context> other_, own_;
    std::optional<Allocation> made_, got_;
    std::vector<Allocation> many_;
    std::optional<Watch> watch_;
    std::optional<Errc> failed_;
    std::ostringstream wrong_;
};

}  // namespace

// Once more, as long as each lap leaves more blocks than the one before: what is made once is none of a leak's.
std::string operate(const ForkedService& service, Plan& plan, const Order& order) {
    constexpr int kLaps = 5;
    obey(plan, Role::client);
    std::uint64_t faults = 0;
    std::int64_t before = 0;
    for (int lap = 0; lap < kLaps; ++lap) {
        std::string wrong = Operator(service, plan, order, lap).run();
        if (lap == 0) {
            faults = plan.faults;
        }
        plan.faults = faults;
        const std::int64_t blocks = plan.blocks_of_client;
        if (!wrong.empty() || (lap > 0 && blocks <= before)) {
            return wrong;
        }
        before = blocks;
    }
    return "each time it keeps more of what it allocated; ";
}

}  // namespace fastio::test
