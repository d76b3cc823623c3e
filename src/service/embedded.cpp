#include "wire/embedded.hpp"

#include <spdlog/logger.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/fail.hpp"
#include "core/utf8.hpp"
#include "device/quiet_thread.hpp"
#include "service/log.hpp"
#include "service/service.hpp"
#include "wire/socket_path.hpp"

namespace fastio::wire {
namespace {

/// A fresh folder of mode 0700, removed at the end.
class PrivateFolder {
public:
    PrivateFolder() {
        const std::filesystem::path parent = runtime_folder();
        std::error_code ignored;
        std::filesystem::create_directories(parent.parent_path(), ignored);  // else mkdir says why not
        const bool made = ::mkdir(parent.c_str(), 0700) == 0;
        struct stat status {};
        if ((!made && errno != EEXIST) || ::lstat(parent.c_str(), &status) != 0) {
            const int error = errno;
            fail(Errc::io_error, "could not make the folder '{}' for an embedded service: {} ({})", parent.string(),
                 std::strerror(error), error);
        }
        if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
            fail(Errc::permission_denied, "'{}' is not a folder of this user: set $XDG_RUNTIME_DIR, or give a socket",
                 parent.string());
        }
        path_ = (parent / "embedded-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) {
            const int error = errno;
            fail(Errc::io_error, "could not make a folder in '{}': {} ({})", parent.string(), std::strerror(error),
                 error);
        }
    }
    PrivateFolder(const PrivateFolder&) = delete;
    PrivateFolder& operator=(const PrivateFolder&) = delete;
    ~PrivateFolder() { ::rmdir(path_.c_str()); }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

class ServiceOnThread final : public EmbeddedService {
public:
    ServiceOnThread(std::unique_ptr<PrivateFolder> folder, std::unique_ptr<service::Service> service)
        : folder_(std::move(folder)), service_(std::move(service)) {
        try {
            thread_ = quiet_thread([serving = service_.get()] { serving->run(); });
        } catch (const std::system_error& error) {
            fail(Errc::io_error, "could not start the embedded service's thread: {}", error.what());
        }
    }
    ServiceOnThread(const ServiceOnThread&) = delete;
    ServiceOnThread& operator=(const ServiceOnThread&) = delete;
    ~ServiceOnThread() override {
        if (::getpid() != owner_) {
            // A forked child has neither the thread nor any business with the socket's file.
            thread_.detach();
            (void)service_.release();
            (void)folder_.release();
            return;
        }
        service_->stop();
        thread_.join();
    }

    [[nodiscard]] const std::string& socket() const noexcept override { return service_->socket(); }

private:
    pid_t owner_ = ::getpid();
    std::unique_ptr<PrivateFolder> folder_;  // outlives the socket in it
    std::unique_ptr<service::Service> service_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<EmbeddedService> start_embedded_service(const std::string& socket,
                                                        std::vector<std::shared_ptr<DeviceMemory>> devices,
                                                        const std::vector<std::string>& warnings) {
    service::Options options;
    options.log = service::make_log("fastio", STDERR_FILENO);
    options.log->set_level(spdlog::level::warn);
    std::unique_ptr<PrivateFolder> folder;
    if (socket.empty()) {
        folder = std::make_unique<PrivateFolder>();
        options.socket = folder->path() + "/fastiod.sock";
    } else {
        options.socket = socket;
    }
    const std::shared_ptr<spdlog::logger> log = options.log;
    auto serving = std::make_unique<service::Service>(std::move(options), std::move(devices));
    for (const std::string& warning : warnings) {
        log->warn("{}", printable(warning));
    }
    return std::make_unique<ServiceOnThread>(std::move(folder), std::move(serving));
}

}  // namespace fastio::wire
