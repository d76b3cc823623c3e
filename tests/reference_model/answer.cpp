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

std::string answer_of(std::span<const std::byte> contents) {
    return std::to_string(contents.size()) + " bytes of digest " + std::to_string(digest(contents));
}

std::string answer_of(const std::vector<AllocationInfo>& infos) {
    std::vector<std::string> lines;
    for (const AllocationInfo& info : infos) {
        lines.push_back(answer_of(info));
    }
    std::ranges::sort(lines);
    std::string answer;
    for (const std::string& line : lines) {
        answer += line + "; ";
    }
    return answer;
}

}  // namespace fastio::test
