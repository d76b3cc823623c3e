#include "process/chaos_process.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace fastio::test {

const std::vector<pid_t>& ChaosChildren::living() {
    while (ids_ && is_readable(ids_.get())) {
        pid_t id = 0;
        if (::read(ids_.get(), &id, sizeof(id)) != sizeof(id)) {
            ids_.reset();  // the operator and all its children are gone
            living_.clear();
            break;
        }
        living_.push_back(id);
    }
    return living_;
}

void ChaosChildren::kill() {
    for (const pid_t child : living()) {
        ::kill(child, SIGKILL);  // its number is still its own: it ends by nothing else
    }
    living_.clear();
}

struct ChaosProcess::Ends {
    Pipe progress = make_pipe();
    Pipe stop = make_pipe();
    Pipe life = make_pipe();
    Pipe ids = make_pipe();
};

ChaosProcess::ChaosProcess(const std::string& socket, std::uint64_t seed) : ChaosProcess(socket, seed, Ends{}) {}

ChaosProcess::ChaosProcess(const std::string& socket, std::uint64_t seed, Ends ends)
    : process_(ChildProcess::start(FASTIO_TEST_CHAOS_OPERATOR, {socket, "chaos", std::to_string(seed)},
                                   {.descriptors = {ends.progress.write.get(), ends.stop.read.get(),
                                                    ends.life.read.get(), ends.ids.write.get()}})),
      progress_(std::move(ends.progress.read)),
      stop_(std::move(ends.stop.write)),
      children_(std::move(ends.life.write), std::move(ends.ids.read)) {
    await('x');
}

void ChaosProcess::await_steps(std::uint64_t steps) {
    for (; steps > 0; --steps) {
        static_cast<void>(wait_for_byte(progress_.get()));
    }
}

void ChaosProcess::await_new_requests(std::uint64_t count) {
    int told_before = 0;
    if (::ioctl(progress_.get(), FIONREAD, &told_before) != 0) {
        throw std::system_error(errno, std::generic_category(), "count the bytes in a pipe");
    }
    await_steps(static_cast<std::uint64_t>(told_before));
    // The first may have begun before.
    for (std::uint64_t more = count + 1; more > 0;) {
        more -= wait_for_byte(progress_.get()) == 'r' ? 1 : 0;
    }
}

void ChaosProcess::exec() {
    process_.signal(SIGUSR1);
    await('x');
}

void ChaosProcess::await(char what) {
    while (wait_for_byte(progress_.get()) != what) {
    }
}

void ChaosProcess::stop() {
    process_.stop();
    stopped_ = true;
}

void ChaosProcess::resume() {
    process_.resume();
    stopped_ = false;
}

ExitStatus ChaosProcess::end() {
    stop_.reset();
    // Reads on, so that it does not block on a full pipe.
    std::array<char, 4096> buffer{};
    while (::read(progress_.get(), buffer.data(), buffer.size()) > 0) {
    }
    return process_.wait();
}

}  // namespace fastio::test
