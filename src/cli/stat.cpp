#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/picture.hpp"

namespace fastio::cli {

void stat(const StatOptions& options, std::ostream& out) {
    Service service(options.common.socket);
    const std::string& job = options.common.job;
    const Picture picture = look(service, job);
    if (options.json) {
        out << dump(json_of(picture, !job.empty()), 2) << '\n';
        return;
    }
    out << text_of(picture, service, !job.empty());
}

}  // namespace fastio::cli
