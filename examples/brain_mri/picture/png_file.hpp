#pragma once

#include <cstdio>
#include <string>

#include "picture/image.hpp"

namespace brain_mri {

/// Writes `image` as PNG to an open stream; `path` is for messages. Does not close the stream.
/// Errors (fastio::Error): io_error.
void write_png(const Image& image, std::FILE* stream, const std::string& path);

/// Writes `image` to `path`: into a new file beside it, which takes the place of `path` only when it is complete. After
/// an error `path` is as it was and the new file is gone. Where `path` is no regular file (a device, a pipe) it is
/// written directly. Errors (fastio::Error): io_error, with the operating system's reason.
void save_png(const Image& image, const std::string& path);

}  // namespace brain_mri
