#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "client_fixture.hpp"
#include "device/own_slabs.hpp"

namespace fastio::test {
namespace {

using ForkTest = ClientTest;

#if defined(__SANITIZE_THREAD__)
constexpr bool kChildMayStartThreads = false;  // its runtime dies of a thread in the child of a threaded process
#else
constexpr bool kChildMayStartThreads = true;
#endif

// Returns once every other thread of this process sleeps. What a thread is in the middle of stays so in a forked child:
// starting and allocating threads hold locks of GCC 12's address sanitizer, which knows of no forks.
void wait_for_other_threads() {
    const std::string self = std::to_string(::gettid());
    for (bool all_sleep = false; !all_sleep;) {
        all_sleep = true;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
            std::string line;
            std::getline(std::ifstream(task.path() / "stat"), line);
            const std::size_t name_end = line.rfind(") ");
            const bool sleeps = name_end != std::string::npos && line.compare(name_end + 2, 1, "S") == 0;
            all_sleep = all_sleep && (sleeps || task.path().filename() == self);
        }
    }
}

// Runs `body` in a forked child, without the parent's destructors. Its result is what `body` returned: "" for good.
std::string in_child(const std::function<std::string()>& body) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe(ends.data()) != 0) {
        return "no pipe";
    }
    wait_for_other_threads();
    const pid_t child = ::fork();
    if (child == 0) {
        std::string result;
        try {
            result = body();
        } catch (const std::exception& error) {
            result = error.what();
        }
        const bool told = ::write(ends[1], result.data(), result.size()) == static_cast<ssize_t>(result.size());
        ::_exit(told ? 0 : 1);
    }
    ::close(ends[1]);
    std::string result;
    std::array<char, 256> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        result.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? result : "the child crashed: " + result;
}

std::string expect_forked(const char* what, const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.errc() == Errc::forked ? "" : std::string(what) + ": " + error.what() + "; ";
    }
    return std::string(what) + " threw nothing; ";
}

// Of the many slabs, none is the wanted one, so that the thread is nearly always in the middle of looking.
TEST_F(ForkTest, WhileAThreadOpensSlabsLeavesTheChildItsOwnHostContext) {
    constexpr std::uintptr_t kSlabs = 20'000;
    OwnSlabs& slabs = OwnSlabs::of_process();
    const auto address = [](std::uintptr_t i) { return reinterpret_cast<void*>(i); };
    for (std::uintptr_t i = 1; i <= kSlabs; ++i) {
        slabs.add(SlabId{}, address(i), 1, [](void*, std::uint64_t) noexcept {});
    }
    const SlabId wanted{std::byte{1}};
    std::atomic<bool> stop{false};
    std::thread opener([&] {
        while (!stop) {
            static_cast<void>(slabs.open(wanted));
        }
    });
    for (int times = 0; times < 5; ++times) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(300);  // in place of a watchdog's thread
            ::_exit(slabs.open(wanted) ? 1 : 0);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
    stop = true;
    opener.join();
    for (std::uintptr_t i = 1; i <= kSlabs; ++i) {
        EXPECT_EQ(slabs.release(address(i)), OwnSlabs::Release::unused);
    }
}

TEST_F(ForkTest, EveryCallInTheChildSaysForked) {
    publish_text(ctx, "a", "x");
    Allocation a = ctx.get("a");
    Watch watch = ctx.watch();
    Service inspector(service.socket());
    EXPECT_EQ(in_child([&] {
                  char byte = 0;
                  const std::vector<std::string> names{"a"};
                  return expect_forked("create", [&] { static_cast<void>(ctx.create(8)); }) +
                         expect_forked("get", [&] { static_cast<void>(ctx.get("a")); }) +
                         expect_forked("get waiting", [&] { static_cast<void>(ctx.get("b", {.timeout = forever})); }) +
                         expect_forked("find", [&] { static_cast<void>(ctx.find("a")); }) +
                         expect_forked("find_many", [&] { static_cast<void>(ctx.find_many(names)); }) +
                         expect_forked("publish_array", [&] { publish_text(ctx, "b", "x"); }) +
                         expect_forked("unpublish", [&] { ctx.unpublish("a"); }) +
                         expect_forked("list", [&] { static_cast<void>(ctx.list()); }) +
                         expect_forked("watch", [&] { static_cast<void>(ctx.watch()); }) +
                         expect_forked("stats", [&] { static_cast<void>(ctx.stats()); }) +
                         expect_forked("next", [&] { static_cast<void>(watch.next(forever)); }) +
                         expect_forked("data", [&] { static_cast<void>(a.data()); }) +
                         expect_forked("size", [&] { static_cast<void>(a.size()); }) +
                         expect_forked("name", [&] { static_cast<void>(a.name()); }) +
                         expect_forked("set", [&] { a.set_type_and_dimensions(uint8, {1}); }) +
                         expect_forked("publish", [&] { a.publish("b"); }) +
                         expect_forked("release", [&] { a.release(); }) + expect_forked("free", [&] { a.free(); }) +
                         expect_forked("check", [&] { a.check(); }) +
                         expect_forked("copy_to", [&] { a.copy_to(&byte, 1); }) +
                         expect_forked("totals", [&] { static_cast<void>(inspector.totals()); }) +
                         (ctx.alive() ? "alive; " : "") + (ctx.job() == "job" ? "" : "job; ");
              }),
              "");
    EXPECT_TRUE(ctx.alive());
    EXPECT_EQ(text_of(a), "x");
}

TEST_F(ForkTest, TheChildsDestructorsLeaveTheParentsLeases) {
    publish_text(ctx, "a", "precious");
    std::optional<Allocation> lease(other.get("a"));
    std::optional<Allocation> held(other.create(8));
    std::optional<Watch> watch(other.watch());
    std::optional<Service> inspector(service.socket());
    EXPECT_EQ(in_child([&]() -> std::string {
                  watch.reset();
                  lease.reset();
                  held.reset();
                  inspector.reset();
                  const Context closed = std::move(other);
                  ctx.close();
                  return "";
              }),
              "");
    EXPECT_EQ(other.stats().own_leases, 1U);
    EXPECT_EQ(other.stats().members, 2U);
    ctx.unpublish("a");
    EXPECT_EQ(ctx.stats().allocations, 2U);
    EXPECT_EQ(text_of(*lease), "precious");
    EXPECT_EQ(watch->next(forever)->name, "a");
    EXPECT_EQ(inspector->contexts().size(), 1U);
    lease.reset();
    held.reset();
    EXPECT_EQ(other.stats().allocations, 0U);
}

TEST_F(ForkTest, ANewContextWorksInTheChild) {
    if (!kChildMayStartThreads) {
        GTEST_SKIP() << "the thread sanitizer cannot start a thread in a forked child";
    }
    publish_text(ctx, "from parent", "hello");
    const std::string socket = service.socket();
    EXPECT_EQ(in_child([&]() -> std::string {
                  Context mine({.job = "job", .socket = socket});
                  publish_text(mine, "from child", text_of(mine.get("from parent")) + " yourself");
                  return mine.stats().members == 3 ? "" : "not a member of its own";
              }),
              "");
    EXPECT_EQ(text_of(ctx.get("from child")), "hello yourself");
    EXPECT_EQ(ctx.stats().members, 2U);
}

TEST_F(ForkTest, AGrandchildIsForkedToo) {
    if (!kChildMayStartThreads) {
        GTEST_SKIP() << "the thread sanitizer cannot start a thread in a forked child";
    }
    const std::string socket = service.socket();
    EXPECT_EQ(in_child([&]() -> std::string {
                  Context mine({.job = "job", .socket = socket});
                  const std::string below = in_child([&] {
                      return expect_forked("create", [&] { static_cast<void>(mine.create(8)); }) +
                             expect_forked("create", [&] { static_cast<void>(ctx.create(8)); });
                  });
                  return below + (mine.alive() ? "" : "; the child's own Context broke");
              }),
              "");
}

TEST_F(ForkTest, AChildOfAnEmbeddedServicesProcessLeavesItRunning) {
    std::optional<Context> embedded(Context({.job = "job", .embedded = true}));
    publish_text(*embedded, "a", "x");
    EXPECT_EQ(in_child([&]() -> std::string {
                  embedded.reset();
                  return "";
              }),
              "");
    EXPECT_EQ(text_of(embedded->get("a")), "x");
    EXPECT_TRUE(Context({.job = "job", .socket = embedded->socket()}).alive());
}

}  // namespace
}  // namespace fastio::test
