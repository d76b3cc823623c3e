#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/descriptor.hpp"
#include "table/layout.hpp"

namespace fastio::test {

/// A shared file that a subject works on.
struct SubjectFile {
    bool is_leases = false;  ///< lease pages; else a segment of the table
    table::SegmentKind kind = table::SegmentKind::header;
    std::uint32_t ordinal = 0;
    int fd = -1;
    bool is_fences = false;  ///< fence words, of which the table's readers know nothing
};

/// What is stepped, with the world that it works in. Lives in the stepped process.
class Subject {
public:
    Subject() = default;
    Subject(const Subject&) = delete;
    Subject& operator=(const Subject&) = delete;
    virtual ~Subject() = default;

    [[nodiscard]] virtual std::vector<SubjectFile> files() const = 0;
    /// The routine whose instructions are stepped.
    virtual void run() = 0;
    /// What comes later, in one go. Called twice.
    virtual void settle() {}
    /// What the routine found out, for the tracer; read at each stop.
    [[nodiscard]] virtual std::uint64_t outcome() const { return 0; }
};
using MakeSubject = std::function<std::unique_ptr<Subject>()>;

/// Why nothing can be stepped here; empty where it can.
[[nodiscard]] std::string why_not_steppable();

/// Keeps this thread, and the children that it makes, on the processor where it is: a step is two switches between
/// processes, which on two processors wait for one to be woken.
class OneProcessor {
public:
    OneProcessor();
    OneProcessor(const OneProcessor&) = delete;
    OneProcessor& operator=(const OneProcessor&) = delete;
    ~OneProcessor();

private:
    cpu_set_t before_{};
};

/// A child of this process that runs a subject under ptrace, round after round, each in a world that it makes anew.
/// In each round it stops four times: ready, done, and after each settle. It never outlives this object.
///
/// Failures of the system and of the subject throw std::runtime_error.
class SteppedProcess {
public:
    explicit SteppedProcess(const MakeSubject& make);
    SteppedProcess(const SteppedProcess&) = delete;
    SteppedProcess& operator=(const SteppedProcess&) = delete;
    ~SteppedProcess();

    enum class Stop : std::uint32_t { starting, ready, running, done, settled };
    [[nodiscard]] Stop stage() const noexcept;

    /// One instruction of the routine. False when it has returned; then the child has stopped as `done`.
    bool step();
    /// Runs to the next stop.
    void go_on();
    /// go_on until a new round is ready.
    void next_round();
    /// SIGKILL; returns when it is gone.
    void kill() noexcept;

    [[nodiscard]] std::vector<SubjectFile> files() const;
    /// The child's descriptor, opened here.
    [[nodiscard]] Descriptor open(const SubjectFile& file) const;
    [[nodiscard]] std::uint64_t outcome() const noexcept;

private:
    struct Exhibit;
    [[noreturn]] void be_subject(const MakeSubject& make) noexcept;
    void run_rounds(const MakeSubject& make);
    void stop_as(Stop stage, const Subject& subject);
    void wait_for(int expected);

    OneProcessor one_processor_{};
    Exhibit* exhibit_;  ///< shared with the child
    pid_t child_ = 0;
};

}  // namespace fastio::test
