#pragma once

#include <ostream>

#include "cli/options.hpp"

/// One function per command, each in a file of its own name. They write what was asked for to `out`, and throw
/// fastio::Error when the operation fails.
namespace fastio::cli {

/// What is published, in all contexts or in one job's. Creates no context.
void ls(const LsOptions& options, std::ostream& out);

/// Sums, contexts and sessions; for one job also each allocation with its holders. Creates no context.
void stat(const StatOptions& options, std::ostream& out);

/// The same now and after each change, until SIGINT, SIGTERM or SIGHUP ends the program; on a terminal in one place. A
/// job need not be there yet.
void top(const TopOptions& options, std::ostream& out);

/// Removes a name, or ends a job's context. Errors: not_found.
void rm(const RmOptions& options, std::ostream& out);

/// Prints changes as they happen, until SIGINT or SIGTERM.
void watch(const WatchOptions& options, std::ostream& out);

/// Publishes a .npy file in a persistent context.
void put(const PutOptions& options, std::ostream& out);

/// Writes what is published to a .npy file.
void get(const GetOptionsOfCommand& options, std::ostream& out);

/// Runs a pipeline. Throws when an operator fails or a signal ends the run, after the table: std::runtime_error. With
/// `json` the table is a JSON object, and how the run goes is told on standard error instead of `out`.
void run(const RunOptions& options, std::ostream& out);

/// Becomes the program that measures, which must be installed beside this one. Errors: unsupported (it is not).
void bench(const BenchOptions& options, std::ostream& out);

/// `fastio doctor`: what keeps Fast I/O from working well here, by really trying. Throws unsupported after its table
/// where there is a problem.
void examine(const DoctorOptions& options, std::ostream& out);

}  // namespace fastio::cli
