// A service that lies to the `fastio` command: what Service reads ends, and holds no more than there can be.
#include <algorithm>

#include "core/limits.hpp"
#include "hostile_service.hpp"

namespace fastio::test {
namespace {

using wire::Kind;

/// One of Service's lists, and what its rows can be at most.
struct List {
    Kind kind;
    std::size_t row_bytes;
    std::size_t rows;  ///< that there are
    std::function<std::size_t(Service&)> read;
};

void expect_text(const std::string& text, std::size_t most) {
    EXPECT_LE(text.size(), most);
}

std::size_t read_totals(Service& service) {
    static_cast<void>(service.totals());
    return 1;
}

std::size_t read_contexts(Service& service) {
    const auto all = service.contexts();
    for (const ContextInfo& one : all) {
        expect_text(one.job, sizeof(wire::ContextRow::job.data));
        EXPECT_GE(one.age.count(), 0);
    }
    return all.size();
}

std::size_t read_sessions(Service& service) {
    const auto all = service.sessions();
    for (const SessionInfo& one : all) {
        expect_text(one.job, sizeof(wire::SessionRow::job.data));
        expect_text(one.name, sizeof(wire::SessionRow::name.data));
        expect_text(one.reason, sizeof(wire::SessionRow::reason.data));
        EXPECT_TRUE(one.state == "connected" || one.state == "quarantined") << one.state;
        EXPECT_GE(one.age.count(), 0);
    }
    return all.size();
}

std::size_t read_operators(Service& service) {
    const auto all = service.operators("job");
    for (const OperatorInfo& one : all) {
        expect_text(one.name, sizeof(wire::OperatorRow::name.data));
    }
    return all.size();
}

std::size_t read_allocations(Service& service) {
    const auto all = service.allocations("job");
    for (const AllocationInfo& one : all) {
        EXPECT_LE(one.names.size(), wire::AllocationRow::kMaxNames);
        EXPECT_LE(one.holders.size(), wire::AllocationRow::kMaxHolders);
        expect_text(one.device, sizeof(wire::AllocationRow::device.data));
        EXPECT_FALSE(one.state.empty());
    }
    return all.size();
}

std::size_t read_publications(Service& service) {
    const auto all = service.publications("job");
    for (const PublicationInfo& one : all) {
        expect_text(one.name, sizeof(wire::PublicationRow::name.data));
        expect_text(one.device, sizeof(wire::PublicationRow::device.data));
        expect_text(one.publisher, sizeof(wire::PublicationRow::publisher.data));
        EXPECT_LE(one.dimensions.size(), kMaxDimensions);
        EXPECT_GE(one.age.count(), 0);
    }
    return all.size();
}

class HostileRows : public HostileServiceTest {
protected:
    HostileRows() { publish_text(ctx_, "theirs too", "theirs too"); }

    /// Reads the list through a connection of its own. How many rows it had.
    std::optional<Errc> read(const List& list) {
        rows_ = 0;
        return outcome_of([&] {
            Service service = view();
            rows_ = list.read(service);
        });
    }
    [[nodiscard]] std::size_t rows() const { return rows_; }

    const std::vector<List> lists_{
        {Kind::totals_reply, sizeof(wire::TotalsReply), 1, read_totals},
        {Kind::context_row, sizeof(wire::ContextRow), 1, read_contexts},
        {Kind::session_row, sizeof(wire::SessionRow), 1, read_sessions},
        {Kind::operator_row, sizeof(wire::OperatorRow), 1, read_operators},
        {Kind::allocation_row, sizeof(wire::AllocationRow), 2, read_allocations},
        {Kind::publication_row, sizeof(wire::PublicationRow), 2, read_publications},
    };

private:
    std::size_t rows_ = 0;
};

TEST_F(HostileRows, ThatAreNotChangedAreAllRead) {
    for (const List& list : lists_) {
        EXPECT_EQ(read(list), std::nullopt) << static_cast<int>(list.kind);
        EXPECT_EQ(rows(), list.rows) << static_cast<int>(list.kind);
    }
}

// A row with another header is none; one that says that it is the last, or what comes next, can shorten a list or end
// it with an error; any other field changes what a row says, and nothing else.
TEST_F(HostileRows, CannotHarmWithAnyFieldAtItsExtremes) {
    constexpr std::size_t kValid = sizeof(wire::Header) + offsetof(wire::RowHead, valid);
    constexpr std::size_t kNext = sizeof(wire::Header) + offsetof(wire::RowHead, next);
    constexpr std::size_t kMost = 480;  // all but the texts of an allocation's names
    for (const List& list : lists_) {
        const bool is_list = list.kind != Kind::totals_reply;
        const bool by_name = list.kind == Kind::publication_row;
        for (std::size_t offset = 0; offset < std::min(list.row_bytes, kMost); offset += 4) {
            for (const std::uint32_t value : kExtremes) {
                lie(list.kind, [&](Reply& reply) { return put(reply, offset, value); });
                const std::optional<Errc> outcome = read(list);
                if (lies() == 0 || (offset >= sizeof(wire::Header) && !is_list)) {
                    EXPECT_EQ(outcome, std::nullopt);
                } else if (offset < sizeof(wire::Header)) {
                    EXPECT_EQ(outcome, Errc::protocol_error);
                } else if (offset == kValid) {
                    EXPECT_EQ(outcome, value == 0 ? std::nullopt : std::optional(Errc::protocol_error))
                        << "the row after the last says nothing";
                    EXPECT_EQ(rows(), 0U);
                } else if ((offset >= kNext && offset < kNext + 8) ||
                           (by_name && offset < kNext + 8 + sizeof(wire::NameText))) {
                    EXPECT_TRUE(!outcome || outcome == Errc::protocol_error);
                    EXPECT_LE(rows(), list.rows);
                } else {
                    EXPECT_EQ(outcome, std::nullopt);
                    EXPECT_EQ(rows(), list.rows);
                }
                if (HasFailure()) {
                    FAIL() << "kind " << static_cast<int>(list.kind) << ", offset " << offset << ", value " << value;
                }
            }
        }
    }
}

TEST_F(HostileRows, AreAProtocolErrorWithAnyOtherLength) {
    for (const List& list : lists_) {
        for (const std::size_t bytes : kOtherLengths) {
            for (const bool states_it : {false, true}) {
                lie(list.kind, [&](Reply& reply) {
                    resize(reply, bytes, states_it);
                    return true;
                });
                EXPECT_EQ(read(list), Errc::protocol_error) << static_cast<int>(list.kind) << " at " << bytes;
            }
        }
    }
}

// The same row for ever, and two rows in turn: each ends the list at once, before it fills this process's memory.
TEST_F(HostileRows, ThatComeAgainAreAProtocolError) {
    for (const List& list : lists_) {
        if (list.kind == Kind::totals_reply) {
            continue;
        }
        std::optional<std::vector<std::byte>> first;
        lie(list.kind, [&](Reply& reply) {
            if (!first) {
                first = reply.bytes;
                return false;
            }
            constexpr std::size_t kAfter = sizeof(wire::Header);
            std::copy(first->begin() + kAfter, first->end(), reply.bytes.begin() + kAfter);
            return true;
        });
        EXPECT_EQ(read(list), Errc::protocol_error) << static_cast<int>(list.kind);
        EXPECT_EQ(lies(), 1U) << static_cast<int>(list.kind);
    }
}

TEST_F(HostileRows, WithoutAnEndAreAProtocolError) {
    std::uint64_t row = 0;
    lie(Kind::operator_row, [&](Reply& reply) {
        const wire::RowHead head{1, 0, ++row};
        std::memcpy(reply.bytes.data() + sizeof(wire::Header), &head, sizeof(head));
        return true;
    });
    const auto operators = std::ranges::find(lists_, Kind::operator_row, &List::kind);
    EXPECT_EQ(read(*operators), Errc::protocol_error);
}

TEST_F(HostileRows, ThatAreErrorsGiveTheseErrors) {
    for (const List& list : lists_) {
        for (const auto& [code, outcome] : {std::pair{Errc::not_found, Errc::not_found},
                                            {static_cast<Errc>(0), Errc::protocol_error},
                                            {static_cast<Errc>(12345), Errc::protocol_error}}) {
            lie(list.kind, [&, code = code](Reply& reply) {
                wire::Header head{};
                std::memcpy(&head, reply.bytes.data(), sizeof(head));
                wire::Failure failure{};
                failure.header = {wire::kMagic, Kind::error, sizeof(failure), head.request};
                failure.code = static_cast<std::int32_t>(code);
                wire::set_text(failure.message, "there is no such thing");
                reply.bytes.resize(sizeof(failure));
                std::memcpy(reply.bytes.data(), &failure, sizeof(failure));
                return true;
            });
            EXPECT_EQ(read(list), outcome) << static_cast<int>(list.kind);
        }
    }
}

}  // namespace
}  // namespace fastio::test
