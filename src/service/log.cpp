#include "service/log.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include "device/descriptor.hpp"

namespace fastio::service {
namespace {

constexpr std::size_t kMaxLineBytes = PIPE_BUF;  // a pipe takes that many all at once or not at all

class LogSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    LogSink(std::string name, int descriptor)
        : name_(std::move(name)), descriptor_(descriptor), path_("/proc/self/fd/" + std::to_string(descriptor)) {}
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    ~LogSink() override {
        try {
            // Not to who has gone: the thread that ends an embedded service may not have SIGPIPE blocked.
            static_cast<void>(has_reader_ && write_what_waits());
        } catch (const std::bad_alloc&) {  // then the last loss is not told
        }
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        try {
            if (write_what_waits()) {
                take(message);
                (void)write_line();
                return;
            }
        } catch (const std::bad_alloc&) {
        }
        ++lost_;
    }
    void flush_() override {}

    /// True when nothing waits any more.
    bool write_what_waits() {
        if (!write_line()) {
            return false;
        }
        if (lost_ != 0) {
            const std::string text = fmt::format("{} lines of this log were lost: there was no room for them", lost_);
            take({name_, spdlog::level::warn, text});
            lost_ = 0;
        }
        return write_line();
    }
    /// The line becomes the one that waits.
    void take(const spdlog::details::log_msg& message) {
        spdlog::memory_buf_t formatted;
        formatter_->format(message, formatted);
        std::string_view text{formatted.data(), formatted.size()};
        line_ = text.substr(0, std::min(text.size(), kMaxLineBytes));
        if (line_.size() < text.size()) {
            line_.back() = '\n';
        }
        written_ = 0;
    }
    /// True when the whole line is written. A terminal or a stream socket may take a part of it.
    bool write_line() noexcept {
        while (written_ < line_.size()) {
            const ssize_t wrote = write_now(std::string_view(line_).substr(written_));
            if (wrote < 0 && errno == EINTR) {
                continue;
            }
            if (wrote <= 0) {
                has_reader_ = wrote == 0 || errno != EPIPE;
                return false;
            }
            written_ += static_cast<std::size_t>(wrote);
        }
        return true;
    }
    /// As write(2), but where that would wait it fails with EAGAIN.
    [[nodiscard]] ssize_t write_now(std::string_view text) const noexcept {
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0) {
            return -1;
        }
        if (S_ISSOCK(status.st_mode)) {
            return ::send(descriptor_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        if (S_ISFIFO(status.st_mode) || ::isatty(descriptor_) == 1) {
            // Opened again, it is an open file of our own, whose O_NONBLOCK nobody else sees. Not kept: a pipe's reader
            // may wait for the end of those who write, and the descriptor may be made another file's.
            if (const Descriptor own{::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)}) {
                return ::write(own.get(), text.data(), text.size());
            }
            // Another user's, or no descriptor is left. Who else writes into it may now come between these two calls.
            pollfd polled{descriptor_, POLLOUT, 0};
            if (::poll(&polled, 1, 0) != 1 || polled.revents != POLLOUT) {  // full, or without a reader
                errno = (polled.revents & POLLERR) != 0 ? EPIPE : EAGAIN;
                return -1;
            }
        }
        return ::write(descriptor_, text.data(), text.size());
    }

    std::string name_;
    int descriptor_;
    std::string path_;
    std::string line_{};  // the last, of which `written_` bytes are out
    std::size_t written_ = 0;
    std::uint64_t lost_ = 0;  // since the last that was taken
    bool has_reader_ = true;
};

}  // namespace

std::shared_ptr<spdlog::logger> make_log(const std::string& name, int descriptor) {
    auto log = std::make_shared<spdlog::logger>(name, std::make_shared<LogSink>(name, descriptor));
    log->set_error_handler([](const std::string&) {});  // spdlog's own writes to stderr, and waits for it
    return log;
}

}  // namespace fastio::service
