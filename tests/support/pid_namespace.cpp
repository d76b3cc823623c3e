#include "support/pid_namespace.hpp"

#include <system_error>

#include "support/child_process.hpp"

namespace fastio::test {

std::vector<std::string> in_another_pid_namespace() {
    using Words = std::vector<std::string>;
    for (const Words& words : {Words{"--pid", "--fork"}, Words{"--user", "--map-root-user", "--pid", "--fork"}}) {
        Words trial = words;
        trial.emplace_back("true");
        try {
            if (ChildProcess::start("unshare", trial).wait() == ExitStatus{0, 0}) {
                return words;
            }
        } catch (const std::system_error&) {
            return {};
        }
    }
    return {};
}

}  // namespace fastio::test
