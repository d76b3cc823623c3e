#include "command.hpp"

#include <chrono>
#include <fstream>
#include <iterator>

#include <fastio/service.hpp>

namespace fastio::test {

ChildOptions Command::options() const {
    ChildOptions options;
    options.environment = environment_;
    for (const char* const name : {"FASTIO_SOCKET", "FASTIO_JOB", "FASTIO_STAGE", "FASTIO_DEVICE"}) {
        if (!environment_.contains(name)) {
            options.unset.emplace_back(name);
        }
    }
    return options;
}

CommandResult Command::operator()(const std::vector<std::string>& arguments) const {
    const TempDir folder;
    const std::string out = folder.file("out");
    const std::string err = folder.file("err");
    std::vector<std::string> words{"-c", "out=$1 err=$2; shift 2; exec \"$0\" \"$@\" >\"$out\" 2>\"$err\"",
                                   FASTIO_PROGRAM, out, err};
    words.insert(words.end(), arguments.begin(), arguments.end());
    ChildProcess child = ChildProcess::start("/bin/sh", words, options());
    CommandResult result;
    result.status = child.wait();
    result.out = read_file(out);
    result.err = read_file(err);
    return result;
}

ChildProcess Command::start(const std::vector<std::string>& arguments) const {
    ChildOptions started = options();
    started.capture_output = true;
    return ChildProcess::start(FASTIO_PROGRAM, arguments, started);
}

Daemon::Daemon() {
    ChildOptions options;
    options.capture_output = true;
    process_ = ChildProcess::start(FASTIOD_PROGRAM, {"--socket", socket(), "--device", "host"}, options);
    // The socket appears under its name only once the service accepts.
    const Service ready(socket(), std::chrono::seconds(60));
}

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace fastio::test
