#include <fastio/service.hpp>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/text.hpp"

namespace fastio::cli {
namespace {

struct Listed {
    std::string job;
    std::vector<PublicationInfo> publications;
};

std::vector<Listed> list(Service& service, const LsOptions& options) {
    if (!options.common.job.empty()) {
        return {{options.common.job, service.publications(options.common.job, options.prefix)}};
    }
    std::vector<Listed> listed;
    for (const ContextInfo& context : service.contexts()) {
        try {
            listed.push_back({context.job, service.publications(context.job, options.prefix)});
        } catch (const Error& error) {
            if (error.errc() != Errc::not_found) {
                throw;
            }
            // It ended since the contexts were listed.
        }
    }
    return listed;
}

std::string text_of(Contents contents) {
    return contents == Contents::complete ? "" : to_string(contents);
}

std::string text_of_age(const PublicationInfo& publication) {
    std::string text = text_of_duration(publication.age);
    return publication.time_to_live == forever ? text : text + " of " + text_of_duration(publication.time_to_live);
}

}  // namespace

void ls(const LsOptions& options, std::ostream& out) {
    Service service(options.common.socket);
    const std::vector<Listed> listed = list(service, options);
    if (options.json) {
        Json json = Json::array();
        for (const auto& [job, publications] : listed) {
            for (const PublicationInfo& publication : publications) {
                json.push_back(json_of(publication, job));
            }
        }
        out << dump(json, 2) << '\n';
        return;
    }
    using Align = TextTable::Align;
    TextTable table({{"job"},
                     {"name"},
                     {"type"},
                     {"dimensions"},
                     {"size", Align::right},
                     {"device"},
                     {"version", Align::right},
                     {"publisher"},
                     {"age", Align::right},
                     {""}});  // what is not as it should be; the table stays narrow
    for (const auto& [job, publications] : listed) {
        for (const PublicationInfo& p : publications) {
            table.add({job, p.name, to_string(p.type), text_of_shape(p.dimensions), text_of_bytes(p.size), p.device,
                       std::to_string(p.version), p.publisher, text_of_age(p), text_of(p.contents)});
        }
    }
    out << table.str();
}

}  // namespace fastio::cli
