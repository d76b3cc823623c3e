#include "client/system_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.hpp"

namespace fastio::detail {
namespace {

constexpr uid_t kDaemon = 65534;
constexpr uid_t kOther = 65533;

/// Folders as there may be below /run. Only root can give some to other users.
class SystemFolder : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root, to give folders to other users";
        }
        ASSERT_EQ(::chmod(system().c_str(), 0755), 0);
    }
    [[nodiscard]] std::string system() const { return folder_.path().string() + "/run"; }
    void make(const std::string& name, uid_t owner, mode_t mode) const {
        const std::string path = system() + "/" + name;
        ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
        ASSERT_EQ(::chown(path.c_str(), owner, static_cast<gid_t>(-1)), 0);
    }
    [[nodiscard]] bool is_systems(const std::string& socket, uid_t user = kDaemon) const {
        return is_of_the_system(system() + "/" + socket, user, system());
    }

    test::TempDir folder_;
    const bool made_ = ::mkdir(system().c_str(), 0755) == 0;
};

TEST_F(SystemFolder, IsOneThatRootMadeForTheService) {
    make("fastio", kDaemon, 0750);
    make("roots", 0, 0755);
    make("roots/fastio", kDaemon, 0700);
    EXPECT_TRUE(is_systems("fastio/s"));
    EXPECT_TRUE(is_systems("fastio/../fastio/s"));
    EXPECT_TRUE(is_systems("roots/s"));
    EXPECT_TRUE(is_systems("roots/fastio/s"));
    EXPECT_FALSE(is_systems("fastio/s", kOther)) << "made for somebody else";
    EXPECT_FALSE(is_systems("none/s"));
    EXPECT_FALSE(is_systems("s")) << "in no folder of its own";
}

TEST_F(SystemFolder, IsNoneWhereOthersMayWrite) {
    make("lock", 0, 01777);
    make("lock/fastio", kDaemon, 0700);
    make("open", kDaemon, 0757);
    make("of_a_group", kDaemon, 0770);
    make("others", kOther, 0755);
    make("others/fastio", kDaemon, 0700);
    for (const char* socket : {"lock/s", "lock/fastio/s", "open/s", "of_a_group/s", "others/fastio/s"}) {
        EXPECT_FALSE(is_systems(socket)) << socket;
    }
}

TEST_F(SystemFolder, IsNoneOfASingleUser) {
    make("user", 0, 0755);
    make("user/65534", kDaemon, 0700);
    EXPECT_FALSE(is_systems("user/65534/s"));
    ASSERT_EQ(::symlink("user", (system() + "/renamed").c_str()), 0);
    EXPECT_FALSE(is_systems("renamed/65534/s"));
}

TEST_F(SystemFolder, IsWhereLinksAndDotsLead) {
    make("fastio", kDaemon, 0750);
    const std::string outside = folder_.path().string() + "/outside";
    ASSERT_EQ(::mkdir(outside.c_str(), 0755), 0);
    ASSERT_EQ(::chown(outside.c_str(), kDaemon, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::symlink("../outside", (system() + "/link").c_str()), 0);
    ASSERT_EQ(::symlink("run/fastio", (folder_.path().string() + "/inside").c_str()), 0);
    EXPECT_FALSE(is_systems("link/s"));
    EXPECT_FALSE(is_systems("../outside/s"));
    EXPECT_TRUE(is_systems("../inside/s"));
}

}  // namespace
}  // namespace fastio::detail
