#include "cli/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "cli/fail.hpp"

namespace fastio::cli {
namespace fs = std::filesystem;

OutputFile::OutputFile(const fs::path& file) : file_(file) {
    std::error_code ignored;
    if (const fs::path target = fs::canonical(file, ignored); !target.empty()) {
        file_ = target;
    }
    struct ::stat status {};
    if (::stat(file_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        fd_.reset(::open(file_.c_str(), O_WRONLY | O_CLOEXEC));
    } else {
        // The process id makes the name this process's own; what has it already is left from a process that died.
        const fs::path folder = file_.has_parent_path() ? file_.parent_path() : fs::path(".");
        temporary_ = folder / fmt::format(".{}.{}.part", file_.filename().string(), ::getpid());
        ::unlink(temporary_.c_str());
        fd_.reset(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    }
    if (!fd_) {
        const int error = errno;
        temporary_.clear();
        fail(Errc::io_error, "cannot write {}: {}", file_.string(), os_error(error));
    }
}

OutputFile::~OutputFile() {
    if (!temporary_.empty()) {
        ::unlink(temporary_.c_str());
    }
}

void OutputFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(fd_.get(), bytes.data(), std::min(bytes.size(), std::size_t{1} << 30));
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            fail(Errc::io_error, "cannot write {}: {}, with {} bytes still to write", file_.string(), os_error(),
                 bytes.size());
        }
        bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
}

void OutputFile::commit() {
    // Some file systems report a full disk only here.
    if (::close(fd_.release()) != 0) {
        fail(Errc::io_error, "cannot write {}: {}", file_.string(), os_error());
    }
    if (temporary_.empty()) {
        return;
    }
    if (::rename(temporary_.c_str(), file_.c_str()) != 0) {
        fail(Errc::io_error, "cannot write {}: {}", file_.string(), os_error());
    }
    temporary_.clear();
}

}  // namespace fastio::cli
