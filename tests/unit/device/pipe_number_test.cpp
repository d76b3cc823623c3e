#include "device/pipe_number.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <string>

#include "device/descriptor.hpp"
#include "device/memfd.hpp"
#include "support/pipe.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

std::uint64_t inode_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return status.st_ino;
}

TEST(PipeNumber, IsTheInodeOfBothEnds) {
    const Pipe pipe = make_pipe();
    EXPECT_EQ(pipe_number(pipe.read.get()), inode_of(pipe.read.get()));
    EXPECT_EQ(pipe_number(pipe.write.get()), pipe_number(pipe.read.get()));
    EXPECT_NE(pipe_number(make_pipe().read.get()), pipe_number(pipe.read.get()));
}

TEST(PipeNumber, OfAnotherProcessIsReadThroughItsLink) {
    const Pipe pipe = make_pipe();
    const std::string link = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(pipe.read.get());
    EXPECT_EQ(pipe_number(link.c_str()), inode_of(pipe.read.get()));
    EXPECT_FALSE(pipe_number("/proc/self/no-such-link"));
}

TEST(PipeNumber, IsNoneOfAFifoInAFileSystem) {
    const TempDir folder;
    // As like one as a path can be.
    const std::string path = folder.file("pipe:[17]");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const Descriptor fifo{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    ASSERT_TRUE(fifo);
    EXPECT_FALSE(pipe_number(fifo.get()));
}

TEST(PipeNumber, IsNoneOfAnythingElse) {
    const Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    EXPECT_FALSE(pipe_number(socket.get()));
    EXPECT_FALSE(pipe_number(make_memfd("file", 4096).get()));
    EXPECT_FALSE(pipe_number(-1));
}

}  // namespace
}  // namespace fastio::test
