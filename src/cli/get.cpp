#include <fmt/format.h>

#include <filesystem>
#include <vector>

#include <fastio/context.hpp>
#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/fail.hpp"
#include "cli/json.hpp"
#include "cli/npy.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace {

/// Joining would make the job. Errors: not_found.
void refuse_without_job(const ContextOptions& joining, const std::string& name) {
    const std::string job = or_environment(joining.job, "FASTIO_JOB", "default");
    try {
        Service service(joining.socket);
        static_cast<void>(service.operators(job));
    } catch (const Error& error) {
        if (error.errc() == Errc::not_found) {
            fail(Errc::not_found, "get of '{}': there is no job '{}'; `fastio ls` shows those that there are", name,
                 job);
        }
        if (error.errc() != Errc::permission_denied) {  // it is another user's, who may let this one join
            throw;
        }
    }
}

}  // namespace

void get(const GetOptionsOfCommand& options, std::ostream& out) {
    std::error_code missing;
    if (options.json && std::filesystem::equivalent(options.output, "/dev/stdout", missing)) {
        fail(Errc::invalid_argument, "'{}' is standard output, where --json prints: give -o another file",
             options.output);
    }
    ContextOptions joining;
    joining.job = options.common.job;
    joining.socket = options.common.socket;
    if (!options.timeout_seconds) {
        refuse_without_job(joining, options.name);
    }
    Context context(joining);
    GetOptions getting;
    if (options.timeout_seconds) {
        getting.timeout = nanoseconds_of(*options.timeout_seconds);
    }
    const Allocation allocation = context.get(options.name, getting);
    // Its metadata may describe less than the memory that there is.
    const std::uint64_t bytes = allocation.count() * allocation.type().size_bytes();
    if (allocation.device() == "host") {
        write_npy(options.output, allocation.type(), allocation.dimensions(),
                  {allocation.data<const std::byte>(), bytes});
    } else {
        std::vector<std::byte> staging(bytes);
        allocation.copy_to(staging.data(), staging.size());
        write_npy(options.output, allocation.type(), allocation.dimensions(), staging);
    }
    if (options.json) {
        Json shown = json_of(allocation, context.job());
        shown["output"] = options.output;
        out << dump(shown, 2) << '\n';
        return;
    }
    // What was written to a pipe or to /dev/stdout must stay a .npy file and nothing else.
    if (!std::filesystem::is_regular_file(options.output)) {
        return;
    }
    out << fmt::format("wrote {}: '{}' {} {}, {}, version {}\n", options.output, printable(options.name),
                       to_string(allocation.type()), text_of_shape(allocation.dimensions()), text_of_bytes(bytes),
                       allocation.version());
}

}  // namespace fastio::cli
