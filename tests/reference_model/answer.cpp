#include "reference_model/answer.hpp"

#include <algorithm>
#include <sstream>

#include "reference_model/step.hpp"

namespace fastio::test {
namespace {

std::uint64_t digest(std::span<const std::byte> bytes) {
    std::uint64_t hash = 0xCBF2'9CE4'8422'2325U;  // FNV-1a
    for (const std::byte byte : bytes) {
        hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100'0000'01B3U;
    }
    return hash;
}

}  // namespace

std::string answer_of(const Described& described) {
    std::ostringstream out;
    out << (described.name.empty() ? "unnamed" : label_of(described.name)) << " version " << described.version << ", "
        << described.size << " bytes, " << to_string(described.type) << " [";
    for (const std::int64_t extent : described.dimensions) {
        out << extent << ' ';
    }
    out << ']';
    for (const auto& [key, value] : described.attributes) {
        out << ' ' << key << '=' << digest(std::as_bytes(std::span(value)));
    }
    return out.str();
}

std::string answer_of(const WatchEvent& event) {
    return std::string(to_string(event.kind)) + ' ' + label_of(event.name) + " version " +
           std::to_string(event.version) + " in " + event.job;
}

std::string answer_of(const ContextStats& stats) {
    std::ostringstream out;
    out << "allocations " << stats.allocations << ", publications " << stats.publications << ", leases " << stats.leases
        << ", members " << stats.members << ", bytes_in_use " << stats.bytes_in_use << ", bytes_quarantined "
        << stats.bytes_quarantined << ", quota " << stats.quota << ", own_leases " << stats.own_leases << ", gets "
        << stats.gets << ", bytes_published " << stats.bytes_published << ", bytes_copied " << stats.bytes_copied;
    return out.str();
}

std::string answer_of(const AllocationInfo& info) {
    std::vector<std::string> names;
    std::ranges::transform(info.names, std::back_inserter(names), label_of);
    std::ranges::sort(names);
    std::ostringstream out;
    out << info.state << ' ' << info.size << " bytes, " << info.holders.size() << " holders";
    for (const std::string& name : names) {
        out << ' ' << name;
    }
    return out.str();
}

std::string answer_of(const PublicationInfo& info) {
    return answer_of({info.name, info.version, info.size, info.type, info.dimensions, {}});
}

std::string answer_of(const ContextInfo& info) {
    std::ostringstream out;
    out << info.job << (info.persistent ? " persistent" : "") << ", members " << info.members << ", allocations "
        << info.allocations << ", leases " << info.leases << ", publications " << info.publications << ", bytes_in_use "
        << info.bytes_in_use << ", bytes_quarantined " << info.bytes_quarantined << ", quota " << info.quota;
    return out.str();
}

std::string answer_of(const SessionInfo& info) {
    std::ostringstream out;
    out << info.state << " in " << info.job << ", leases " << info.leases << ", holds " << info.holds;
    return out.str();
}

std::string answer_of(const OperatorInfo& info) {
    std::ostringstream out;
    out << "sessions " << info.sessions << ", bytes_published " << info.bytes_published << ", bytes_copied "
        << info.bytes_copied;
    return out.str();
}

std::string answer_of(std::span<const std::byte> contents) {
    return std::to_string(contents.size()) + " bytes of digest " + std::to_string(digest(contents));
}

}  // namespace fastio::test
