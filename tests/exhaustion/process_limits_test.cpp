// Limits that the kernel puts on a process: descriptors in the service and in the client, and the size of files.
#include <fcntl.h>
#include <sys/resource.h>

#include <filesystem>

#include "client_fixture.hpp"
#include "messages.hpp"
#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

#ifdef FASTIO_TEST_UNDEFINED
constexpr bool kSanitizerNeedsDescriptors = true;
#else
constexpr bool kSanitizerNeedsDescriptors = false;
#endif

/// A fastiod that runs while the test changes its limits.
class LimitedService : public testing::Test {
protected:
    [[nodiscard]] Context join(const std::string& job = "job", std::chrono::nanoseconds timeout = 60s) const {
        return Context({.job = job, .socket = socket_, .connect_timeout = timeout});
    }
    void limit(__rlimit_resource resource, rlim_t most) {
        rlimit wanted{};
        ASSERT_EQ(::prlimit(process_.pid(), resource, nullptr, &wanted), 0);
        wanted.rlim_cur = std::min(most, wanted.rlim_max);
        ASSERT_EQ(::prlimit(process_.pid(), resource, &wanted, nullptr), 0);
    }

    TempDir folder_;
    std::string socket_ = folder_.file("s");
    ChildProcess process_ =
        ChildProcess::start(FASTIO_TEST_FASTIOD, {"--socket", socket_, "--device", "host", "--log-level", "warning"});
    Context ctx_ = join();
};

/// This process's own limit of descriptors, put back at the end.
class DescriptorLimit {
public:
    DescriptorLimit() { ::getrlimit(RLIMIT_NOFILE, &before_); }
    DescriptorLimit(const DescriptorLimit&) = delete;
    DescriptorLimit& operator=(const DescriptorLimit&) = delete;
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    /// Exactly `more` descriptors can be opened from now on.
    void allow(rlim_t more) {
        fill_.clear();
        int highest = 0;
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
            highest = std::max(highest, std::stoi(entry.path().filename().string()));
        }
        set(static_cast<rlim_t>(highest) + 1);
        for (Descriptor one{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; one;
             one = Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}) {
            fill_.push_back(std::move(one));
        }
        set(static_cast<rlim_t>(highest) + 1 + more);
    }

private:
    void set(rlim_t most) const {
        const rlimit low{most, before_.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    }

    rlimit before_{};
    std::vector<Descriptor> fill_;
};

TEST_F(LimitedService, WithoutDescriptorsRefusesNewcomersAndServesItsMembers) {
    if (kSanitizerNeedsDescriptors) {
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through a pipe, and takes a failure for a finding";
    }
    publish_text(ctx_, "a", "text");
    // What fails, and what is said of it, in the order in which the service needs descriptors.
    const std::vector<std::pair<Errc, std::string>> refusals{
        {Errc::quota_exceeded, "the service has no file descriptor left"},  // for the connection
        {Errc::io_error, "(ulimit -n), for the lifeline"},
        {Errc::io_error, "for events"},
        {Errc::io_error, "pidfd"},  // of the client
        {Errc::io_error, "could not make the memory file 'fastio-leases' of 524288 bytes"},
        {Errc::io_error, "could not make the memory file 'fastio-table-header' of "},
        {Errc::io_error, "could not make the memory file 'fastio-table-index' of "},
        {Errc::io_error, "could not make the memory file 'fastio-table-publications' of "},
        {Errc::io_error, "could not make the memory file 'fastio-table-allocations' of "},
    };
    std::size_t seen = 0;  // of these
    bool joined = false;
    for (rlim_t most = 22; most < 64; ++most) {  // every descriptor that a join needs is once the one that is missing
        limit(RLIMIT_NOFILE, most);
        try {
            Context newcomer = join("other", 0s);
            joined = true;
        } catch (const Error& error) {
            EXPECT_FALSE(joined) << "with one descriptor more: " << error.what();
            const std::string text = error.what();
            while (seen < refusals.size() && text.find(refusals[seen].second) == std::string::npos) {
                ++seen;
            }
            ASSERT_LT(seen, refusals.size()) << "out of turn: " << text;
            EXPECT_EQ(error.errc(), refusals[seen].first) << text;
            expect_in(text, {"limit of " + std::to_string(most) + " open files (ulimit -n)"});
        }
        EXPECT_EQ(text_of(ctx_.get("a")), "text");
        EXPECT_EQ(ctx_.stats().publications, 1U);
    }
    EXPECT_EQ(seen, refusals.size() - 1);
    EXPECT_TRUE(joined);
    limit(RLIMIT_NOFILE, RLIM_INFINITY);
    Context newcomer = join("other");
    publish_text(newcomer, "b", "more");
    EXPECT_EQ(text_of(newcomer.get("b")), "more");
    EXPECT_FALSE(process_.try_wait());
}

TEST_F(LimitedService, WithoutRoomForFilesAnswersOutOfMemoryAndLives) {
    limit(RLIMIT_FSIZE, 4096);
    expect_in(message_of(Errc::out_of_memory, [&] { static_cast<void>(ctx_.create(100)); }),
              {"'fastio-slab'", "2097152 bytes", "ulimit -f"});
    expect_in(message_of(Errc::out_of_memory, [&] { static_cast<void>(join("other")); }),
              {"'fastio-leases'", "524288 bytes", "ulimit -f"});
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    EXPECT_TRUE(ctx_.create(100));
    Context other = join("other");
    EXPECT_FALSE(process_.try_wait());
}

TEST_F(LimitedService, AClientWithoutDescriptorsIsToldSoAndGoesOnOnceThereAreSome) {
    if (kSanitizerNeedsDescriptors) {
        GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at memory through a pipe, and takes a failure for a finding";
    }
    Context writer = join();
    publish_text(writer, "a", "text");
    DescriptorLimit limit;
    bool refused = false;
    for (rlim_t more = 0; more < 12; ++more) {
        limit.allow(more);
        try {
            Context newcomer = join("job", 0s);
        } catch (const Error& error) {
            refused = true;
            EXPECT_TRUE(error.errc() == Errc::io_error || error.errc() == Errc::protocol_error) << error.what();
            EXPECT_NE(std::string(error.what()).find("ulimit -n"), std::string::npos) << error.what();
        }
    }
    EXPECT_TRUE(refused);
    limit.allow(0);
    // The descriptor of the table's segment does not arrive.
    expect_in(message_of(Errc::io_error, [&] { static_cast<void>(ctx_.get("a")); }),
              {"mapping a segment of the table", "ulimit -n"});
    limit.allow(100);
    EXPECT_EQ(text_of(ctx_.get("a")), "text");
    Context newcomer = join();
    EXPECT_EQ(text_of(newcomer.get("a")), "text");
}

}  // namespace
}  // namespace fastio::test
