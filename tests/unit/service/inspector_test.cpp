#include <sys/stat.h>
#include <unistd.h>

#include "helper.hpp"
#include "running_service.hpp"

namespace fastio::test {
namespace {

class InspectorTest : public ServiceTest {
protected:
    template <class Row, class List>
    static std::vector<Row> all(RawClient& asker, List list) {
        std::vector<Row> rows;
        for (;;) {
            const Row row = asker.template ask<Row>(list);
            if (row.row.valid == 0) {
                return rows;
            }
            rows.push_back(row);
            list.cursor = row.row.next;
        }
    }
};

TEST_F(InspectorTest, TotalsAddUpTheContexts) {
    const auto a = member("a");
    const auto b = member("b");
    a->publish(a->create(1000), "x", 1000);
    b->create(1000);
    const wire::TotalsReply sums = totals();
    EXPECT_EQ(sums.sessions, 2U);
    EXPECT_EQ(sums.contexts, 2U);
    EXPECT_EQ(sums.allocations, 2U);
    EXPECT_EQ(sums.leases, 1U);
    EXPECT_EQ(sums.publications, 1U);
    EXPECT_EQ(sums.bytes_reserved, 4 * kMiB);
    EXPECT_EQ(sums.bytes_in_use, 2048U);
    EXPECT_EQ(sums.bytes_quarantined, 0U);
    EXPECT_EQ(sums.pool_max, device->info().default_pool_bytes);
    EXPECT_GT(sums.requests, 5U);
}

TEST_F(InspectorTest, ListsContexts) {
    const auto a = member("a", 5000, wire::Join::kPersistent);
    const auto b = member("b");
    a->create(1000);
    const auto asker = visitor();
    const auto rows = all<wire::ContextRow>(*asker, wire::ListContexts{});
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(wire::get_text(rows[0].job), "a");
    EXPECT_EQ(rows[0].uid, ::getuid());
    EXPECT_EQ(rows[0].persistent, 1U);
    EXPECT_EQ(rows[0].quota, 5000U);
    EXPECT_EQ(rows[0].allocations, 1U);
    EXPECT_EQ(rows[0].bytes_in_use, 1024U);
    EXPECT_EQ(wire::get_text(rows[1].job), "b");
    EXPECT_EQ(rows[1].members, 1U);
    EXPECT_EQ(rows[1].persistent, 0U);
}

TEST_F(InspectorTest, ListsSessionsWithTheirPidFromTheSocket) {
    start();
    RawClient liar(socket());
    wire::Hello hello = liar.hello_message();
    hello.pid = 1;
    wire::set_text(hello.name, "smooth");
    liar.send(hello);
    liar.receive_hello_reply();
    liar.join("job");
    const auto allocation = liar.create(1000);
    liar.publish(liar.create(300), "x", 300);
    const auto asker = visitor();
    const auto rows = all<wire::SessionRow>(*asker, wire::ListSessions{});
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].id, liar.session);
    EXPECT_EQ(rows[0].pid, ::getpid());
    EXPECT_EQ(rows[0].uid, ::getuid());
    EXPECT_EQ(wire::get_text(rows[0].name), "smooth");
    EXPECT_EQ(wire::get_text(rows[0].job), "job");
    EXPECT_EQ(rows[0].quarantined, 0U);
    EXPECT_EQ(wire::get_text(rows[0].reason), "");
    EXPECT_EQ(rows[0].leases, 1U);
    EXPECT_EQ(rows[0].holds, 1U);
    EXPECT_EQ(rows[0].bytes_held, allocation.capacity + 512);
    struct stat status {};
    ASSERT_EQ(::fstat(liar.lifeline.get(), &status), 0);
    EXPECT_EQ(rows[0].lifeline_inode, status.st_ino);
}

TEST_F(InspectorTest, ListsTheSessionsOfOneJob) {
    const auto a = member("a");
    const auto b = member("b");
    const auto asker = visitor();
    wire::ListSessions list{};
    list.job = text("b");
    const auto rows = all<wire::SessionRow>(*asker, list);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].id, b->session);
}

TEST_F(InspectorTest, ListsAllocationsWithNamesAndHolders) {
    const auto a = member();
    const auto b = member();
    const auto hidden = a->create(100);
    const auto shown = a->create(200);
    a->publish(shown, "one", 200);
    a->publish(shown, "two", 100);
    b->lease(shown);
    b->lease(shown);
    const auto asker = visitor();
    wire::ListAllocations list{};
    list.job = text("job");
    const auto rows = all<wire::AllocationRow>(*asker, list);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].slot, hidden.slot);
    EXPECT_EQ(rows[0].state, static_cast<std::uint32_t>(AllocationState::created));
    EXPECT_EQ(rows[0].size, 100U);
    EXPECT_EQ(rows[0].holder_count, 1U);
    EXPECT_EQ(rows[0].holders[0], a->session);
    EXPECT_EQ(rows[0].name_count, 0U);
    EXPECT_EQ(wire::get_text(rows[0].device), "host");
    EXPECT_EQ(rows[1].state, static_cast<std::uint32_t>(AllocationState::live));
    ASSERT_EQ(rows[1].holder_count, 2U) << "each once";
    EXPECT_EQ(rows[1].holders[0], a->session);
    EXPECT_EQ(rows[1].holders[1], b->session);
    ASSERT_EQ(rows[1].name_count, 2U);
    EXPECT_EQ(wire::get_text(rows[1].names[0]), "one");
    EXPECT_EQ(wire::get_text(rows[1].names[1]), "two");
}

TEST_F(InspectorTest, ListsMoreHoldersAndNamesThanARowHas) {
    std::vector<std::unique_ptr<RawClient>> members;
    members.push_back(member());
    const auto allocation = members[0]->create(10);
    for (int i = 0; i < 12; ++i) {
        members[0]->publish(allocation, "n" + std::to_string(i), 10);
    }
    for (int i = 0; i < 70; ++i) {
        members.push_back(member());
        members.back()->lease(allocation);
    }
    wire::ListAllocations list{};
    list.job = text("job");
    const auto row = visitor()->ask<wire::AllocationRow>(list);
    EXPECT_EQ(row.holder_count, 71U);
    EXPECT_EQ(row.name_count, 12U);
}

std::vector<std::string> names_of(RawClient& asker, wire::ListPublications list) {
    std::vector<std::string> names;
    for (auto row = asker.ask<wire::PublicationRow>(list); row.row.valid != 0;
         row = asker.ask<wire::PublicationRow>(list)) {
        names.emplace_back(wire::get_text(row.name).value());
        list.after = row.name;
    }
    return names;
}

TEST_F(InspectorTest, ListsPublicationsInOrderOfNames) {
    const auto client = member();
    const auto allocation = client->create(1000);
    for (const char* name : {"b", "a/2", "a/1", "c"}) {
        client->publish(allocation, name, 10);
    }
    const auto asker = visitor();
    wire::ListPublications list{};
    list.job = text("job");
    EXPECT_EQ(names_of(*asker, list), (std::vector<std::string>{"a/1", "a/2", "b", "c"}));
    list.prefix = text("a/");
    EXPECT_EQ(names_of(*asker, list), (std::vector<std::string>{"a/1", "a/2"}));
    list.prefix = text("b");
    EXPECT_EQ(names_of(*asker, list), (std::vector<std::string>{"b"}));
    list.prefix = text("aa");
    EXPECT_TRUE(names_of(*asker, list).empty());
    list.prefix = {};
    for (;;) {
        const auto row = asker->ask<wire::PublicationRow>(list);
        if (row.row.valid == 0) {
            break;
        }
        EXPECT_EQ(row.size, 10U);
        EXPECT_EQ(row.rank, 1U);
        EXPECT_EQ(row.extents[0], 10);
        EXPECT_EQ(wire::get_text(row.publisher), "raw[" + std::to_string(::getpid()) + "]");
        EXPECT_EQ(wire::get_text(row.device), "host");
        list.after = row.name;
    }
}

TEST_F(InspectorTest, ListsOperatorsWithWhatTheyMoved) {
    const auto witness = member();
    {
        const auto client = member();
        client->publish(client->create(1000), "x", 1000);
        client->publish(client->create(1000), "y", 500);
        wire::Copied copied{};
        copied.bytes = 77;
        client->send(copied);
        client->bye();
    }
    wire::ListOperators list{};
    list.job = text("job");
    const auto asker = visitor();
    const auto rows = all<wire::OperatorRow>(*asker, list);
    ASSERT_EQ(rows.size(), 1U) << "sessions of one name are one operator";
    EXPECT_EQ(wire::get_text(rows[0].name), "raw");
    EXPECT_EQ(rows[0].sessions, 2U);
    EXPECT_EQ(rows[0].bytes_published, 1500U);
    EXPECT_EQ(rows[0].bytes_copied, 77U);
}

TEST_F(InspectorTest, AnUnknownJobIsNotFound) {
    const auto asker = visitor();
    wire::ListAllocations allocations{};
    allocations.job = text("nothing");
    EXPECT_EQ(asker->refused(allocations), Errc::not_found);
    wire::ListPublications publications{};
    publications.job = text("nothing");
    EXPECT_EQ(asker->refused(publications), Errc::not_found);
    wire::EndContext end{};
    end.job = text("nothing");
    EXPECT_EQ(asker->refused(end), Errc::not_found);
}

TEST_F(InspectorTest, UnpublishesForAVisitor) {
    const auto client = member();
    client->publish(client->create(10), "name", 10);
    const auto asker = visitor();
    wire::AdminUnpublish unpublish{};
    unpublish.job = text("job");
    unpublish.name = text("name");
    asker->ask<wire::Ok>(unpublish);
    EXPECT_FALSE(client->finds("name"));
    EXPECT_EQ(asker->refused(unpublish), Errc::not_found);
}

TEST_F(InspectorTest, AnotherUserSeesAndTouchesOnlyItsOwn) {
    if (::getuid() != 0) {
        GTEST_SKIP() << "becoming another user takes root";
    }
    const auto own = member("ours");
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(socket().c_str(), 0666), 0);
    Helper helper;
    ASSERT_EQ(helper.tell("user 65534"), "ok");
    EXPECT_NE(helper.tell("join " + socket() + " ours").find("belongs to user 0"), std::string::npos);
    helper.tell("join " + socket() + " theirs");
    EXPECT_EQ(helper.tell("sessions"), "1");
    EXPECT_EQ(helper.tell("end ours"), "refused");
    EXPECT_EQ(totals().sessions, 2U) << "root sees both";
    EXPECT_EQ(helper.tell("end theirs"), "ok");
    EXPECT_EQ(own->stats().members, 1U);
}

}  // namespace
}  // namespace fastio::test
