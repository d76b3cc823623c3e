#pragma once

#include <optional>
#include <string>

#include "client_fixture.hpp"
#include "man_in_the_middle.hpp"
#include "support/child_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {

/// A fastiod with something published, and between it and its next client somebody who lies.
class HostileServiceTest : public ::testing::Test {
protected:
    using Reply = ManInTheMiddle::Reply;

    explicit HostileServiceTest(const std::string& device = "host") : device_(device) {
        publish_text(ctx_, "theirs", "theirs");
    }
    [[nodiscard]] Context join() {
        return Context({.job = "job", .socket = middle_.socket(), .device = device_, .connect_timeout = patience_});
    }
    [[nodiscard]] Service view() { return Service(middle_.socket(), patience_); }

    /// Changes each packet of this kind; false from `change` says that there was nothing to change.
    void lie(wire::Kind kind, const std::function<bool(Reply&)>& change) {
        lies_ = 0;
        middle_.change([this, kind, change](wire::Kind of_reply, Reply& reply) {
            lies_ += of_reply == kind && change(reply) ? 1 : 0;
        });
    }
    /// Since lie() was called.
    [[nodiscard]] std::uint64_t lies() const { return lies_; }

    /// What a call came to: nothing where it went through. Another exception than an Error, or one that says nothing,
    /// is a failure.
    template <class Call>
    [[nodiscard]] static std::optional<Errc> outcome_of(Call&& call) {
        try {
            std::forward<Call>(call)();
            return std::nullopt;
        } catch (const Error& error) {
            EXPECT_GE(static_cast<int>(error.errc()), static_cast<int>(Errc::invalid_argument));
            EXPECT_LE(static_cast<int>(error.errc()), static_cast<int>(Errc::io_error));
            EXPECT_GT(std::string(error.what()).size(), 10U);
            return error.errc();
        }
    }

    [[nodiscard]] static std::string read(const Allocation& allocation) {
        std::string text(allocation.size(), '\0');
        allocation.copy_to(text.data(), text.size());
        return text;
    }

    /// All that an operator does: what it came to. Where it went through, what it wrote was there.
    [[nodiscard]] std::optional<Errc> operate() {
        theirs_.clear();
        return outcome_of([&] {
            Context ctx = join();
            std::string text(1000, '.');
            text.front() = 'a';
            text.back() = 'z';
            Allocation made = ctx.create(uint8, {1000});
            made.copy_from(text.data(), text.size());
            made.publish("mine", {.replace = true, .attributes = {{"key", "value"}}});
            static_cast<void>(read(ctx.get("mine")));
            theirs_ = read(ctx.get("theirs"));
            static_cast<void>(ctx.stats());
            static_cast<void>(ctx.list());
            made.free();
        });
    }
    /// What the last operate() found under "theirs".
    [[nodiscard]] const std::string& theirs() const { return theirs_; }

    Watchdog watchdog_{"a call that must end although the service lies"};
    std::chrono::nanoseconds patience_{60s};  ///< with a service that is slow and not silent
    std::string device_;
    TempDir folder_;
    // A process of its own: what lies in this one's memory would not be mapped from a file.
    ChildProcess real_ = ChildProcess::start(FASTIOD, {"--device", device_, "--pool-max", "64M", "--log-level", "off",
                                                       "--socket", folder_.file("real.sock")});
    ManInTheMiddle middle_{folder_.file("real.sock")};
    Context ctx_{{.job = "job", .socket = folder_.file("real.sock"), .device = device_, .connect_timeout = 60s}};

private:
    std::atomic<std::uint64_t> lies_{0};
    std::string theirs_;
};

/// Puts a value at an offset; false where that changes nothing.
inline bool put(ManInTheMiddle::Reply& reply, std::size_t offset, std::uint32_t value) {
    if (offset + sizeof(value) > reply.bytes.size() ||
        std::memcmp(reply.bytes.data() + offset, &value, sizeof(value)) == 0) {
        return false;
    }
    std::memcpy(reply.bytes.data() + offset, &value, sizeof(value));
    return true;
}

inline constexpr std::uint32_t kExtremes[] = {0U, 1U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU};

/// Gives a reply another length, which its header says or not.
inline void resize(ManInTheMiddle::Reply& reply, std::size_t bytes, bool states_it) {
    reply.bytes.resize(bytes == reply.bytes.size() ? bytes + 8 : bytes);
    if (states_it && bytes >= sizeof(wire::Header)) {
        const auto stated = static_cast<std::uint16_t>(reply.bytes.size());
        std::memcpy(reply.bytes.data() + offsetof(wire::Header, bytes), &stated, sizeof(stated));
    }
}
inline constexpr std::size_t kOtherLengths[] = {1, 15, 16, 24, 1000, 4096, 4097, 60'000};

}  // namespace fastio::test
