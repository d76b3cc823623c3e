#include "picture/png_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <png.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include <fastio/fastio.hpp>

namespace brain_mri {

namespace {

struct CloseFile {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void refuse(const std::string& path, const char* attempt, int error, const char* otherwise = "") {
    throw fastio::Error(fastio::Errc::io_error,
                        fmt::format("writing the picture {}: {} failed: {}", path, attempt,
                                    error != 0 ? std::generic_category().message(error) : std::string(otherwise)));
}

File open_new(const std::string& path, int flags, const std::string& for_path) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
    if (descriptor < 0) {
        refuse(for_path, "open", errno);
    }
    File file(::fdopen(descriptor, "wb"));
    if (!file) {
        const int error = errno;
        ::close(descriptor);
        refuse(for_path, "open", error);
    }
    return file;
}

/// Errors of a full disk may come as late as here.
void close_checked(File file, const std::string& path) {
    if (std::fclose(file.release()) != 0) {
        refuse(path, "close", errno);
    }
}

/// Removes a file at the end of the scope unless it was kept.
class Temporary {
public:
    explicit Temporary(std::string path) : path_(std::move(path)) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        if (!path_.empty()) {
            static_cast<void>(::unlink(path_.c_str()));
        }
    }
    void keep() { path_.clear(); }

private:
    std::string path_;
};

}  // namespace

void write_png(const Image& image, std::FILE* stream, const std::string& path) {
    png_image header{};
    header.version = PNG_IMAGE_VERSION;
    header.width = static_cast<png_uint_32>(image.width());
    header.height = static_cast<png_uint_32>(image.height());
    header.format = PNG_FORMAT_RGB;
    errno = 0;
    if (png_image_write_to_stdio(&header, stream, 0, image.data(), 0, nullptr) == 0) {
        refuse(path, "write", errno, header.message);
    }
    if (std::fflush(stream) != 0) {
        refuse(path, "write", errno);
    }
}

void save_png(const Image& image, const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        File device = open_new(path, 0, path);
        write_png(image, device.get(), path);
        close_checked(std::move(device), path);
        return;
    }
    const std::filesystem::path target(path);
    const std::string name = fmt::format(".{}.{}.part", target.filename().string(), ::getpid());
    const std::string unfinished = (target.parent_path() / name).string();
    static_cast<void>(::unlink(unfinished.c_str()));  // of a process that had this id, was killed and is gone
    File file = open_new(unfinished, O_CREAT | O_EXCL, path);
    Temporary guard(unfinished);
    write_png(image, file.get(), path);
    close_checked(std::move(file), path);
    if (std::rename(unfinished.c_str(), path.c_str()) != 0) {
        refuse(path, "rename", errno);
    }
    guard.keep();
}

}  // namespace brain_mri
