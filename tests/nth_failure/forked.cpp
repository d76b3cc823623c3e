#include "forked.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <system_error>

namespace fastio::test {
namespace {

constexpr unsigned kWatchdogSeconds = 300;

[[noreturn]] void run(const std::function<std::string()>& body, int out) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::alarm(kWatchdogSeconds);
    std::string text;
    int status = 0;
    try {
        text = body();
    } catch (const std::exception& error) {
        text = std::string("threw: ") + error.what();
        status = 1;
    }
    [[maybe_unused]] const ssize_t wrote = ::write(out, text.data(), text.size());
    ::_exit(status);
}

}  // namespace

Forked::Forked(const std::function<std::string()>& body) : said_(make_pipe()) {
    pid_ = ::fork();
    if (pid_ < 0) {
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    if (pid_ == 0) {
        said_.read.reset();
        run(body, said_.write.get());
    }
    said_.write.reset();
}

Forked::~Forked() {
    if (!ended_) {
        ::kill(pid_, SIGKILL);
        reap(0);
    }
}

void Forked::reap(int options) {
    if (!ended_ && ::waitpid(pid_, &status_, options) == pid_) {
        ended_ = true;
    }
}

bool Forked::has_ended() {
    reap(WNOHANG);
    return ended_;
}

std::string Forked::wait() {
    std::string text;
    std::array<char, 4096> part{};
    ssize_t got = 0;
    while ((got = ::read(said_.read.get(), part.data(), part.size())) > 0) {
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    reap(0);
    if (WIFSIGNALED(status_)) {
        text += " [ended by signal " + std::to_string(WTERMSIG(status_)) +
                (WTERMSIG(status_) == SIGALRM ? ", it hung]" : "]");
    } else if (WEXITSTATUS(status_) != 0) {
        text += " [ended with status " + std::to_string(WEXITSTATUS(status_)) + "]";
    }
    return text;
}

}  // namespace fastio::test
