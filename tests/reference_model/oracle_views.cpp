// What the oracle shows of its jobs: to members, and to who asks the service.
#include "reference_model/oracle.hpp"
#include "reference_model/rules.hpp"

namespace fastio::test {

std::string Oracle::list(const Job& job, const std::string& prefix) {
    std::string answer;
    for (const auto& [name, publication] : job.names) {
        if (name.starts_with(prefix)) {
            Described described = publication.described;
            described.size = checked_size({described.type, described.dimensions});
            answer += answer_of(described) + "; ";
        }
    }
    return answer;
}

std::string Oracle::stats(const Session& session) const {
    ContextStats stats;
    const Job& job = *session.job;
    stats.allocations = job.memories.size();
    stats.publications = job.names.size();
    stats.members = job.members.size();
    stats.quota = job.quota;
    for (const MemoryPtr& memory : job.memories) {
        stats.bytes_in_use += memory->capacity;
        for (const auto& [member, leases] : memory->leases) {
            stats.leases += static_cast<std::uint64_t>(leases);
            stats.own_leases += member == &session ? static_cast<std::uint64_t>(leases) : 0;
        }
    }
    stats.gets = session.gets;
    stats.bytes_published = session.bytes_published;
    return answer_of(stats);
}

std::string Oracle::inspect(const Step& step) const {
    const std::string name = job_of(step.other);
    const View view = view_of(step);
    if (view == View::sessions) {
        return answers_of(sessions(name));
    }
    if (view == View::contexts) {
        const auto found = jobs_.find(name);
        return answers_of(found == jobs_.end() ? std::vector<ContextInfo>{} : std::vector{context(*found->second)});
    }
    const Job& job = *find_job(name);
    switch (view) {
        case View::publications:
            return publications(job, prefix_of(step.name));
        case View::operators:
            return answers_of(std::vector{OperatorInfo{"", job.joins, job.bytes_published, 0}});
        default:
            return answers_of(allocations(job));
    }
}

std::string Oracle::publications(const Job& job, const std::string& prefix) {
    std::vector<PublicationInfo> infos;
    for (const auto& [name, publication] : job.names) {
        if (name.starts_with(prefix)) {
            const Described& described = publication.described;
            PublicationInfo info;
            info.name = name;
            info.version = described.version;
            info.type = described.type;
            info.dimensions = described.dimensions;
            info.size = checked_size({described.type, described.dimensions});
            infos.push_back(std::move(info));
        }
    }
    return answers_of(infos);
}

ContextInfo Oracle::context(const Job& job) const {
    ContextInfo info;
    info.job = job.name;
    info.persistent = job.persistent;
    info.members = job.members.size();
    info.allocations = job.memories.size();
    info.publications = job.names.size();
    info.quota = job.quota;
    for (const MemoryPtr& memory : job.memories) {
        info.bytes_in_use += memory->capacity;
        for (const auto& [member, leases] : memory->leases) {
            info.leases += static_cast<std::uint64_t>(leases);
        }
    }
    return info;
}

std::vector<SessionInfo> Oracle::sessions(const std::string& job) const {
    std::vector<SessionInfo> infos;
    for (const SessionPtr& session : sessions_) {
        if (session->job->name != job) {
            continue;
        }
        SessionInfo info;
        info.job = job;
        info.state = "connected";
        for (const MemoryPtr& memory : session->job->memories) {
            const auto leases = memory->leases.find(session.get());
            info.leases += leases == memory->leases.end() ? 0 : static_cast<std::uint64_t>(leases->second);
            info.holds += memory->holder == session.get() ? 1 : 0;
        }
        infos.push_back(std::move(info));
    }
    return infos;
}

std::vector<AllocationInfo> Oracle::allocations(const Job& job) const {
    std::vector<AllocationInfo> infos;
    for (const MemoryPtr& memory : job.memories) {
        AllocationInfo info;
        info.size = memory->size;
        info.state = memory->holder != nullptr ? "private" : memory->names.empty() ? "retired" : "published";
        info.names = memory->names;
        info.holders.resize(memory->leases.size() + (memory->holder != nullptr ? 1 : 0));
        infos.push_back(std::move(info));
    }
    return infos;
}

}  // namespace fastio::test
