#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace fastio::test {

/// What this process holds now, as /proc shows it.
struct Resources {
    std::map<int, std::string> descriptors{};             ///< number -> what it leads to
    std::map<std::string, std::size_t> memfd_mappings{};  ///< name -> mappings in /proc/self/maps
    std::size_t threads = 0;

    [[nodiscard]] static Resources now();
};

/// Remembers what the process held when it was made.
///
///     LeakCheck leaks;
///     { ... }
///     EXPECT_EQ(leaks.difference(), "");
class LeakCheck {
public:
    LeakCheck() : before_(Resources::now()) {}

    /// What there is more or less of, one line each; empty if nothing. A thread that was joined may still be listed by
    /// the kernel for a moment: difference() looks again until it is gone, for a bounded number of times.
    [[nodiscard]] std::string difference() const;

private:
    Resources before_;
};

}  // namespace fastio::test
