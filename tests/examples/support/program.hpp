#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace brain_mri::testing {

struct Outcome {
    int status = -1;  ///< of exit; 128 + the signal's number where one ended it
    std::string output{};
    std::string errors{};
};

/// A child process. Killed and collected by the destructor if nobody waited for it.
class Program {
public:
    /// Starts the operator `name` of this build. `environment` is added to that of the test, from which the variables
    /// that `fastio run` sets are taken out; those of the CUDA runtime emulator stay.
    Program(const std::string& name, std::vector<std::string> arguments,
            const std::map<std::string, std::string>& environment = {});
    Program(Program&& other) noexcept;
    Program& operator=(Program&&) = delete;
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    void signal(int number) const;

    /// Reads all that it writes and waits for its end.
    [[nodiscard]] Outcome wait();

private:
    pid_t pid_ = -1;
    int output_ = -1;
    int errors_ = -1;
};

}  // namespace brain_mri::testing
