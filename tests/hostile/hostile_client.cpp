// fastio_hostile_client ATTACK SOCKET: status 0 when the attack was made and got nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "attacks.hpp"
#include "support/pipe.hpp"

namespace fastio::test {

void in_processes(const std::string& socket, std::size_t count, const std::function<bool(std::size_t)>& commit) {
    constexpr int kMostCut = 200;
    const auto observer = RawClient::visitor(socket);
    const std::uint64_t others = observer->totals().sessions;
    for (std::size_t next = 0; next < count;) {
        const Pipe progress = make_pipe();
        const pid_t child = ::fork();
        require(child >= 0, "could not fork");
        if (child == 0) {
            int status = 0;
            try {
                for (int cut = 0; next < count && cut < kMostCut; ++next) {
                    cut += commit(next) ? 1 : 0;
                }
            } catch (const std::exception& error) {
                std::fprintf(stderr, "number %zu: %s\n", next, error.what());
                status = 1;
            }
            const bool told = ::write(progress.write.get(), &next, sizeof(next)) == sizeof(next);
            ::_exit(told ? status : 1);
        }
        int status = 0;
        require(::read(progress.read.get(), &next, sizeof(next)) == sizeof(next), "the child died");
        require(::waitpid(child, &status, 0) == child && status == 0, "the child failed");
        while (observer->totals().sessions > others) {
        }
    }
}

}  // namespace fastio::test

int main(int argc, char** argv) {
    using namespace fastio::test;
    for (const auto& attacks : {memory_attacks(), message_attacks(), connection_attacks(), process_attacks()}) {
        for (const Attack& attack : attacks) {
            if (argc == 3 && attack.name == argv[1]) {
                try {
                    attack.run(argv[2]);
                    return 0;
                } catch (const std::exception& error) {
                    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
                    return 1;
                }
            }
        }
    }
    return 2;
}
