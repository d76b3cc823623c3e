#include "stepped_process.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <stdexcept>

#if defined(__has_feature)
#define FASTIO_HAS_FEATURE(feature) __has_feature(feature)
#else
#define FASTIO_HAS_FEATURE(feature) 0
#endif

namespace fastio::test {
namespace {

constexpr std::size_t kMostFiles = 64;

[[noreturn]] void fail_call(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

struct SteppedProcess::Exhibit {
    Stop stage;
    std::uint32_t file_count;
    SubjectFile files[kMostFiles];
    std::uint64_t outcome;
    char error[512];
};

std::string why_not_steppable() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || FASTIO_HAS_FEATURE(address_sanitizer) || \
    FASTIO_HAS_FEATURE(thread_sanitizer)
    return "the instructions of a sanitizer are not the product's";
#elif !defined(__x86_64__)
    return "only x86-64 can be stepped through an atomic instruction: elsewhere it is a loop that a stop restarts";
#else
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "ptrace is not permitted here";
#endif
}

OneProcessor::OneProcessor() {
    ::sched_getaffinity(0, sizeof(before_), &before_);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(::sched_getcpu(), &here);
    ::sched_setaffinity(0, sizeof(here), &here);
}

OneProcessor::~OneProcessor() {
    ::sched_setaffinity(0, sizeof(before_), &before_);
}

SteppedProcess::SteppedProcess(const MakeSubject& make) {
    void* const shared = ::mmap(nullptr, sizeof(Exhibit), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        fail_call("mmap");
    }
    exhibit_ = new (shared) Exhibit{};
    child_ = ::fork();
    if (child_ < 0) {
        fail_call("fork");
    }
    if (child_ == 0) {
        be_subject(make);
    }
    wait_for(SIGSTOP);
}

SteppedProcess::~SteppedProcess() {
    kill();
    ::munmap(exhibit_, sizeof(Exhibit));
}

void SteppedProcess::be_subject(const MakeSubject& make) noexcept {
    try {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
            fail_call("ptrace(TRACEME)");
        }
        run_rounds(make);
    } catch (const std::exception& error) {
        ::strncpy(exhibit_->error, error.what(), sizeof(exhibit_->error) - 1);
    }
    ::_exit(1);
}

void SteppedProcess::run_rounds(const MakeSubject& make) {
    for (;;) {
        exhibit_->stage = Stop::starting;
        const std::unique_ptr<Subject> subject = make();
        stop_as(Stop::ready, *subject);
        std::atomic_ref(exhibit_->stage).store(Stop::running);
        subject->run();
        std::atomic_ref(exhibit_->stage).store(Stop::done);
        stop_as(Stop::done, *subject);
        for (int i = 0; i < 2; ++i) {
            subject->settle();
            stop_as(Stop::settled, *subject);
        }
    }
}

void SteppedProcess::stop_as(Stop stage, const Subject& subject) {
    const std::vector<SubjectFile> files = subject.files();
    if (files.size() > kMostFiles) {
        throw std::runtime_error("a subject has more files than can be shown");
    }
    std::copy(files.begin(), files.end(), exhibit_->files);
    exhibit_->file_count = static_cast<std::uint32_t>(files.size());
    exhibit_->outcome = subject.outcome();
    exhibit_->stage = stage;
    ::raise(SIGSTOP);
}

void SteppedProcess::wait_for(int expected) {
    int status = 0;
    if (::waitpid(child_, &status, 0) != child_) {
        fail_call("waitpid");
    }
    if (!WIFSTOPPED(status)) {
        child_ = 0;
        throw std::runtime_error("the stepped process ended with status " + std::to_string(status) + ": " +
                                 exhibit_->error);
    }
    if (WSTOPSIG(status) != expected) {
        throw std::runtime_error("the stepped process was stopped by signal " + std::to_string(WSTOPSIG(status)));
    }
}

SteppedProcess::Stop SteppedProcess::stage() const noexcept {
    return std::atomic_ref(exhibit_->stage).load();
}

bool SteppedProcess::step() {
    do {
        if (::ptrace(PTRACE_SINGLESTEP, child_, nullptr, nullptr) != 0) {
            fail_call("ptrace(SINGLESTEP)");
        }
        wait_for(SIGTRAP);
    } while (stage() == Stop::ready);  // still on its way out of the stop
    if (stage() == Stop::running) {
        return true;
    }
    go_on();
    return false;
}

void SteppedProcess::go_on() {
    if (::ptrace(PTRACE_CONT, child_, nullptr, nullptr) != 0) {
        fail_call("ptrace(CONT)");
    }
    wait_for(SIGSTOP);
}

void SteppedProcess::next_round() {
    do {
        go_on();
    } while (stage() != Stop::ready);
}

void SteppedProcess::kill() noexcept {
    if (child_ != 0) {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        child_ = 0;
    }
}

std::vector<SubjectFile> SteppedProcess::files() const {
    return {exhibit_->files, exhibit_->files + exhibit_->file_count};
}

Descriptor SteppedProcess::open(const SubjectFile& file) const {
    const std::string path = "/proc/" + std::to_string(child_) + "/fd/" + std::to_string(file.fd);
    Descriptor opened(::open(path.c_str(), (file.is_leases ? O_RDWR : O_RDONLY) | O_CLOEXEC));
    if (!opened) {
        fail_call("open " + path);
    }
    return opened;
}

std::uint64_t SteppedProcess::outcome() const noexcept {
    return exhibit_->outcome;
}

}  // namespace fastio::test
