#include <fmt/format.h>

#include <vector>

#include <fastio/context.hpp>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/npy.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace {

void fill(Allocation& allocation, NpyReader& file) {
    if (allocation.device() == "host") {
        file.read_into(allocation.data<std::byte>());
        return;
    }
    std::vector<std::byte> staging(allocation.size());
    file.read_into(staging.data());
    allocation.copy_from(staging.data(), staging.size());
}

}  // namespace

void put(const PutOptions& options, std::ostream& out) {
    NpyReader file(options.file);
    ContextOptions joining;
    joining.job = options.common.job;
    joining.socket = options.common.socket;
    Context context(joining);
    Allocation allocation = context.create(file.header().type, file.header().shape);
    fill(allocation, file);
    PublishOptions publishing;
    publishing.replace = options.replace;
    if (options.time_to_live_seconds) {
        publishing.time_to_live = nanoseconds_of(*options.time_to_live_seconds);
    }
    allocation.publish(options.name, publishing);
    // Only now: a put that fails leaves no context behind.
    joining.persistent = true;
    const Context keeping(joining);
    if (options.json) {
        Json shown = json_of(allocation, context.job());
        shown["persistent"] = true;
        out << dump(shown, 2) << '\n';
        return;
    }
    out << fmt::format("published '{}': {} {}, {}, version {}\n", printable(options.name), to_string(allocation.type()),
                       text_of_shape(allocation.dimensions()), text_of_bytes(allocation.size()), allocation.version());
    const std::string job = printable(context.job());
    out << fmt::format("job '{}' is persistent: it stays until `fastio rm --job {}`\n", job, job);
}

}  // namespace fastio::cli
