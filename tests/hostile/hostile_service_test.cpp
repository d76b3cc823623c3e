// A service that lies to its client: every call ends, with a result or a typed error.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "client_fixture.hpp"
#include "device/memfd.hpp"
#include "man_in_the_middle.hpp"
#include "support/child_process.hpp"
#include "support/watchdog.hpp"

namespace fastio::test {
namespace {

using wire::Kind;
using Reply = ManInTheMiddle::Reply;

class HostileService : public ::testing::Test {
protected:
    HostileService() {
        ctx_ = Context({.job = "job", .socket = folder_.file("real.sock"), .connect_timeout = 60s});
        publish_text(*ctx_, "theirs", "theirs");
    }
    [[nodiscard]] Context join() { return Context({.job = "job", .socket = middle_.socket(), .connect_timeout = 0ns}); }

    /// All that an operator does; empty when it got through.
    [[nodiscard]] std::optional<Errc> operate() {
        try {
            Context ctx = join();
            Allocation made = ctx.create(uint8, {1000});
            static_cast<char*>(made.data())[0] = 'a';
            static_cast<char*>(made.data())[999] = 'z';
            made.publish("mine", {.replace = true, .attributes = {{"key", "value"}}});
            static_cast<void>(ctx.get("mine").data());
            static_cast<void>(text_of(ctx.get("theirs")));
            static_cast<void>(ctx.stats());
            static_cast<void>(ctx.list());
            made.free();
        } catch (const Error& error) {
            EXPECT_GE(static_cast<int>(error.errc()), static_cast<int>(Errc::invalid_argument));
            EXPECT_LE(static_cast<int>(error.errc()), static_cast<int>(Errc::io_error));
            EXPECT_GT(std::string(error.what()).size(), 10U);
            return error.errc();
        }
        return std::nullopt;
    }
    [[nodiscard]] std::optional<Errc> operate_with(std::function<void(Kind, Reply&)> change) {
        middle_.change(std::move(change));
        return operate();
    }
    /// Changes each reply of this kind.
    [[nodiscard]] std::optional<Errc> operate_with(Kind kind, const std::function<void(Reply&)>& change) {
        return operate_with([kind, change](Kind of_reply, Reply& reply) {
            if (of_reply == kind) {
                change(reply);
            }
        });
    }

    Watchdog watchdog_{"a call that must end although the service lies"};
    TempDir folder_;
    // A process of its own: what lies in this one's memory would not be mapped from a file.
    ChildProcess real_ = ChildProcess::start(FASTIOD, {"--device", "host", "--pool-max", "64M", "--log-level", "off",
                                                       "--socket", folder_.file("real.sock")});
    ManInTheMiddle middle_{folder_.file("real.sock")};
    std::optional<Context> ctx_;
};

constexpr Kind kReplies[] = {Kind::hello_reply, Kind::join_reply,    Kind::create_reply,
                             Kind::slab_reply,  Kind::segment_reply, Kind::publish_reply};

TEST_F(HostileService, ThatChangesNothingIsNotNoticed) {
    EXPECT_EQ(operate(), std::nullopt);
}

TEST_F(HostileService, CannotHarmWithAnyFieldOfAReplyAtItsExtremes) {
    std::size_t changed = 0;
    for (const Kind kind : kReplies) {
        bool more = true;
        for (std::size_t offset = 0; more; offset += 4) {
            for (const std::uint32_t value : {0U, 1U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
                more = false;
                static_cast<void>(operate_with(kind, [&](Reply& reply) {
                    if (offset + 4 <= std::min<std::size_t>(reply.bytes.size(), 160)) {
                        std::memcpy(reply.bytes.data() + offset, &value, 4);
                        more = true;
                        ++changed;
                    }
                }));
                if (HasFailure()) {
                    FAIL() << "kind " << static_cast<int>(kind) << ", offset " << offset << ", value " << value;
                }
            }
        }
    }
    EXPECT_GT(changed, 500U);
}

TEST_F(HostileService, IsAProtocolErrorWithAnyOtherLength) {
    for (const Kind kind : kReplies) {
        for (const std::size_t bytes : {1U, 15U, 16U, 24U, 1000U, 4096U, 4097U, 60'000U}) {
            for (const bool states_it : {false, true}) {
                const auto outcome = operate_with(kind, [&](Reply& reply) {
                    reply.bytes.resize(bytes == reply.bytes.size() ? bytes + 8 : bytes);
                    if (states_it && bytes >= sizeof(wire::Header)) {
                        const auto stated = static_cast<std::uint16_t>(reply.bytes.size());
                        std::memcpy(reply.bytes.data() + offsetof(wire::Header, bytes), &stated, sizeof(stated));
                    }
                });
                EXPECT_EQ(outcome, Errc::protocol_error) << static_cast<int>(kind) << " at " << bytes;
            }
        }
    }
}

TEST_F(HostileService, IsAProtocolErrorWithoutItsDescriptors) {
    for (const Kind kind : {Kind::hello_reply, Kind::join_reply, Kind::segment_reply, Kind::slab_reply}) {
        EXPECT_EQ(operate_with(kind, [](Reply& reply) { reply.descriptors.clear(); }), Errc::protocol_error)
            << static_cast<int>(kind);
    }
    EXPECT_EQ(operate_with(Kind::join_reply, [](Reply& reply) { reply.descriptors.pop_back(); }), Errc::protocol_error);
}

/// A copy of a file's contents: as long, and sealed or not.
Descriptor copy_of(int file, std::uint64_t bytes, bool sealed) {
    Descriptor copy = make_memfd("copy", bytes);
    const std::uint64_t available = std::min(bytes, file_bytes(file));
    std::vector<char> contents(available);
    EXPECT_EQ(::pread(file, contents.data(), available, 0), static_cast<ssize_t>(available));
    EXPECT_EQ(::pwrite(copy.get(), contents.data(), available, 0), static_cast<ssize_t>(available));
    if (sealed) {
        seal_size(copy.get());
    }
    return copy;
}

TEST_F(HostileService, IsRefusedWithFilesThatCouldShrink) {
    for (const auto& [kind, index] :
         {std::pair{Kind::join_reply, 0}, {Kind::join_reply, 1}, {Kind::segment_reply, 0}, {Kind::slab_reply, 0}}) {
        const auto at = static_cast<std::size_t>(index);
        EXPECT_NE(operate_with(kind,
                               [at](Reply& reply) {
                                   Descriptor& file = reply.descriptors.at(at);
                                   file = copy_of(file.get(), file_bytes(file.get()), false);
                               }),
                  std::nullopt)
            << static_cast<int>(kind) << " " << at;
    }
}

TEST_F(HostileService, IsRefusedWithFilesThatAreTooShort) {
    for (const auto& [kind, index] :
         {std::pair{Kind::join_reply, 0}, {Kind::join_reply, 1}, {Kind::segment_reply, 0}, {Kind::slab_reply, 0}}) {
        const auto at = static_cast<std::size_t>(index);
        for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4095}}) {
            EXPECT_NE(operate_with(kind,
                                   [&](Reply& reply) {
                                       Descriptor& file = reply.descriptors.at(at);
                                       file = copy_of(file.get(), bytes, true);
                                   }),
                      std::nullopt)
                << static_cast<int>(kind) << " " << at << " " << bytes;
        }
    }
}

TEST_F(HostileService, IsRefusedWithDescriptorsOfAnotherType) {
    const std::string path = "/proc/self/exe";
    for (const Kind kind : {Kind::hello_reply, Kind::join_reply, Kind::segment_reply, Kind::slab_reply}) {
        for (const int flags : {O_RDONLY, O_PATH}) {
            const auto outcome = operate_with(kind, [&](Reply& reply) {
                for (Descriptor& descriptor : reply.descriptors) {
                    descriptor = Descriptor{::open(path.c_str(), flags | O_CLOEXEC)};
                }
            });
            if (kind != Kind::hello_reply) {  // a service that gives itself another pidfd harms itself
                EXPECT_NE(outcome, std::nullopt) << static_cast<int>(kind);
            }
        }
        const auto sockets = operate_with(kind, [&](Reply& reply) {
            for (Descriptor& descriptor : reply.descriptors) {
                descriptor = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
            }
        });
        if (kind != Kind::hello_reply) {
            EXPECT_NE(sockets, std::nullopt) << static_cast<int>(kind);
        }
    }
}

TEST_F(HostileService, ThatIsSilentEndsHelloAndJoinWithinTheDeadline) {
    for (const Kind kind : {Kind::hello_reply, Kind::join_reply}) {
        EXPECT_EQ(operate_with(kind, [](Reply& reply) { reply.keep_silent = true; }), Errc::service_unreachable)
            << static_cast<int>(kind);
    }
}

TEST_F(HostileService, IsAProtocolErrorWithAnErrorThatThereIsNot) {
    const auto outcome = operate_with(Kind::create_reply, [](Reply& reply) {
        wire::Header head{};
        std::memcpy(&head, reply.bytes.data(), sizeof(head));
        wire::Failure failure{};
        failure.header = {wire::kMagic, Kind::error, sizeof(failure), head.request};
        failure.code = 12345;
        failure.message.bytes = 0xffff'ffff;
        reply.bytes.resize(sizeof(failure));
        std::memcpy(reply.bytes.data(), &failure, sizeof(failure));
    });
    EXPECT_EQ(outcome, Errc::protocol_error);
}

}  // namespace
}  // namespace fastio::test
