// A service that lies to its client: every call ends, with a result or a typed error.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "device/memfd.hpp"
#include "hostile_service.hpp"
#include "table/layout.hpp"

namespace fastio::test {
namespace {

using wire::Kind;

class HostileService : public HostileServiceTest {
protected:
    /// Changes each reply of this kind.
    [[nodiscard]] std::optional<Errc> operate_with(Kind kind, const std::function<void(Reply&)>& change) {
        lie(kind, [change](Reply& reply) {
            change(reply);
            return true;
        });
        return operate();
    }

    /// More leases than a client has at first, so that it asks for more.
    [[nodiscard]] std::optional<Errc> take_leases() {
        return outcome_of([&] {
            Context ctx = join();
            std::vector<Allocation> all;
            while (all.size() <= table::kLeasesPerChunk) {
                all.push_back(ctx.get("theirs"));
            }
        });
    }

    /// Of the kind of reply that the lies are about.
    [[nodiscard]] std::optional<Errc> act(Kind kind) { return kind == Kind::grant_reply ? take_leases() : operate(); }
};

constexpr Kind kReplies[] = {Kind::hello_reply,   Kind::join_reply,    Kind::create_reply, Kind::slab_reply,
                             Kind::segment_reply, Kind::publish_reply, Kind::grant_reply,  Kind::context_stats_reply};

/// What a field that is not the service's comes to, where that is known: a refusal, or nothing because the client only
/// passes it on, or does not look.
struct Field {
    Kind kind;
    std::size_t offset;
    std::size_t bytes;
    std::optional<Errc> outcome;
};
#define FIELD(Message, member) wire::Message::kKind, offsetof(wire::Message, member), sizeof(wire::Message::member)
const Field kFields[] = {
    {FIELD(HelloReply, protocol_version), Errc::version_mismatch},
    {FIELD(HelloReply, layout_signature), Errc::version_mismatch},
    {FIELD(HelloReply, boot_id), Errc::incompatible_host},
    {FIELD(HelloReply, instance), std::nullopt},
    {FIELD(HelloReply, pid), std::nullopt},
    {FIELD(HelloReply, pid_namespace), std::nullopt},
    {FIELD(HelloReply, version), std::nullopt},
    {FIELD(JoinReply, session), std::nullopt},
    {FIELD(JoinReply, default_device), Errc::protocol_error},
    {FIELD(CreateReply, device), std::nullopt},
    {FIELD(PublishReply, version), std::nullopt},
    {FIELD(SegmentReply, bytes), std::nullopt},
    {FIELD(SlabReply, device), Errc::protocol_error},
};
#undef FIELD

const Field* find_field(Kind kind, std::size_t offset) {
    const auto found = std::ranges::find_if(kFields, [&](const Field& field) {
        return field.kind == kind && offset >= field.offset && offset < field.offset + field.bytes;
    });
    return found == std::end(kFields) ? nullptr : &*found;
}

TEST_F(HostileService, ThatChangesNothingIsNotNoticed) {
    EXPECT_EQ(operate(), std::nullopt);
}

TEST_F(HostileService, CannotHarmWithAnyFieldOfAReplyAtItsExtremes) {
    std::uint64_t changed = 0;
    for (const Kind kind : kReplies) {
        std::size_t most = 0;
        for (std::size_t offset = 0; offset <= most; offset += 4) {
            publish_text(ctx_, "theirs", "theirs", true);  // what a lie about places has written over it is gone
            for (const std::uint32_t value : kExtremes) {
                lie(kind, [&](Reply& reply) {
                    most = std::min<std::size_t>(reply.bytes.size(), 160) - 4;
                    return put(reply, offset, value);
                });
                const std::optional<Errc> outcome = act(kind);
                changed += lies();
                const bool of_header = offset < sizeof(wire::Header);
                if (lies() == 0 || kind == Kind::context_stats_reply) {
                    EXPECT_EQ(outcome, of_header && lies() != 0 ? std::optional(Errc::protocol_error) : std::nullopt);
                } else if (of_header && (kind != Kind::hello_reply || offset < offsetof(wire::Header, request))) {
                    EXPECT_EQ(outcome, Errc::protocol_error);
                } else if (const Field* const field = find_field(kind, offset)) {
                    EXPECT_EQ(outcome, field->outcome);
                    EXPECT_EQ(theirs(), field->outcome ? "" : "theirs");
                }
                if (HasFailure()) {
                    FAIL() << "kind " << static_cast<int>(kind) << ", offset " << offset << ", value " << value;
                }
            }
        }
        lie(kind, [](Reply&) { return false; });
        EXPECT_EQ(act(kind), std::nullopt) << "after the lies of kind " << static_cast<int>(kind);
    }
    EXPECT_GT(changed, 500U);
}

TEST_F(HostileService, GrantsNoLeasesThatThereAreNot) {
    const auto grant = [this](std::uint32_t chunks) {
        lie(Kind::grant_reply,
            [chunks](Reply& reply) { return put(reply, offsetof(wire::GrantReply, granted_chunks), chunks); });
        return take_leases();
    };
    EXPECT_EQ(grant(0), Errc::lease_limit);
    EXPECT_EQ(grant(1), Errc::lease_limit) << "no more than there are already";
    EXPECT_EQ(grant(0xffff'ffff), std::nullopt) << "no more than the file has";
    lie(Kind::join_reply,
        [](Reply& reply) { return put(reply, offsetof(wire::JoinReply, granted_chunks), 0xffff'ffff); });
    EXPECT_EQ(operate(), Errc::protocol_error);
}

TEST_F(HostileService, GrantsNoLeasesThatItsFileHasNot) {
    middle_.change([](Kind kind, Reply& reply) {
        if (kind == Kind::join_reply) {
            Descriptor& leases = reply.descriptors.at(1);
            leases = make_memfd("short", std::uint64_t{table::kLeasesPerChunk} * 8);
            seal_size(leases.get());
        } else if (kind == Kind::grant_reply) {
            put(reply, offsetof(wire::GrantReply, granted_chunks), 1000);
        }
    });
    EXPECT_EQ(take_leases(), Errc::protocol_error);
}

TEST_F(HostileService, IsAProtocolErrorWithAnyOtherLength) {
    for (const Kind kind : kReplies) {
        for (const std::size_t bytes : kOtherLengths) {
            for (const bool states_it : {false, true}) {
                lie(kind, [&](Reply& reply) {
                    resize(reply, bytes, states_it);
                    return true;
                });
                EXPECT_EQ(act(kind), Errc::protocol_error) << static_cast<int>(kind) << " at " << bytes;
            }
        }
    }
}

TEST_F(HostileService, IsAProtocolErrorWithoutItsDescriptors) {
    for (const Kind kind : {Kind::hello_reply, Kind::join_reply, Kind::segment_reply, Kind::slab_reply}) {
        EXPECT_EQ(operate_with(kind, [](Reply& reply) { reply.descriptors.clear(); }), Errc::protocol_error)
            << static_cast<int>(kind);
    }
    for (const Kind kind : {Kind::hello_reply, Kind::join_reply}) {
        EXPECT_EQ(operate_with(kind, [](Reply& reply) { reply.descriptors.pop_back(); }), Errc::protocol_error)
            << static_cast<int>(kind);
    }
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

/// A file that comes with a reply, and what the client says of one that it will not map.
struct File {
    Kind kind;
    std::size_t at;
    Errc refusal;
};
constexpr File kFiles[] = {{Kind::join_reply, 0, Errc::corrupt_input},
                           {Kind::join_reply, 1, Errc::protocol_error},
                           {Kind::segment_reply, 0, Errc::corrupt_input},
                           {Kind::slab_reply, 0, Errc::corrupt_input}};

TEST_F(HostileService, IsRefusedWithFilesThatCouldShrink) {
    for (const auto& [kind, at, refusal] : kFiles) {
        const auto outcome = operate_with(kind, [at = at](Reply& reply) {
            Descriptor& file = reply.descriptors.at(at);
            file = copy_of(file.get(), file_bytes(file.get()), false);
        });
        EXPECT_EQ(outcome, refusal) << static_cast<int>(kind) << " " << at;
    }
}

TEST_F(HostileService, IsRefusedWithFilesThatAreTooShort) {
    for (const auto& [kind, at, refusal] : kFiles) {
        for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4095}}) {
            const auto outcome = operate_with(kind, [bytes, at = at](Reply& reply) {
                Descriptor& file = reply.descriptors.at(at);
                file = copy_of(file.get(), bytes, true);
            });
            EXPECT_EQ(outcome, refusal) << static_cast<int>(kind) << " " << at << " " << bytes;
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
    patience_ = 0ns;
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
