#pragma once

#include <string>

namespace fastio {

// This process's limits, in words, for errors that one of them causes.

/// "1024 open files (ulimit -n)".
[[nodiscard]] std::string limit_of_open_files();
/// "63234 threads and processes of this user (ulimit -u)".
[[nodiscard]] std::string limit_of_threads();
/// What is to be added to an error about a descriptor that could not be had, by the errno: "; raise the limit of 1024
/// open files (ulimit -n)", for a full system "; raise the system's limit of open files (fs.file-max)", else nothing.
[[nodiscard]] std::string remedy_for_descriptors(int error);

}  // namespace fastio
