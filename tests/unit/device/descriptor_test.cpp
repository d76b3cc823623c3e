#include "device/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "support/errors.hpp"
#include "support/leak_check.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Descriptor, ClosesWhatItOwnsOnce) {
    const LeakCheck leaks;
    int fd = -1;
    {
        Descriptor descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        ASSERT_TRUE(descriptor);
        fd = descriptor.get();
        Descriptor moved{std::move(descriptor)};
        EXPECT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
    EXPECT_EQ(leaks.difference(), "");
}

TEST(Descriptor, AssignmentClosesWhatWasOwnedBefore) {
    Pipe pipe = make_pipe();
    const int old = pipe.read.get();
    pipe.read = std::move(pipe.write);
    EXPECT_FALSE(is_open(old));
    EXPECT_TRUE(is_open(pipe.read.get()));
}

TEST(Descriptor, ReleaseGivesUpOwnership) {
    Descriptor descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const int fd = descriptor.release();
    descriptor.reset();
    EXPECT_TRUE(is_open(fd));
    ::close(fd);
}

TEST(Descriptor, ResetKeepsErrno) {
    Descriptor descriptor{1 << 20};  // not open: close fails with EBADF
    errno = ENOENT;
    descriptor.reset();
    EXPECT_EQ(errno, ENOENT);
}

TEST(Descriptor, ADuplicateIsTheSameOpenFileAndCloseOnExec) {
    Pipe pipe = make_pipe();
    const Descriptor copy = pipe.write.duplicate();
    EXPECT_NE(copy.get(), pipe.write.get());
    EXPECT_NE(::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC, 0);
    send_byte(copy.get(), 'x');
    EXPECT_EQ(wait_for_byte(pipe.read.get()), 'x');
}

TEST(Descriptor, ADuplicateOfNothingIsAnError) {
    EXPECT_EQ(errc_of([] { (void)Descriptor{}.duplicate(); }), Errc::io_error);
}

}  // namespace
}  // namespace fastio::test
