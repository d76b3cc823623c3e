#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/text.hpp"

namespace fastio::cli {

void rm(const RmOptions& options, std::ostream& out) {
    Service service(options.common.socket);
    if (options.name.empty()) {
        service.end(options.common.job);
        if (options.json) {
            out << dump(Json{{"job", options.common.job}, {"ended", true}}, 2) << '\n';
            return;
        }
        out << "ended job '" << printable(options.common.job) << "': its names are gone, its memory goes with the last "
            << "process that uses it\n";
        return;
    }
    const std::string job = or_environment(options.common.job, "FASTIO_JOB", "default");
    service.unpublish(job, options.name);
    if (options.json) {
        out << dump(Json{{"job", job}, {"removed", options.name}}, 2) << '\n';
        return;
    }
    out << "removed '" << printable(options.name) << "' from job '" << printable(job) << "'\n";
}

}  // namespace fastio::cli
