
#include <fmt/ranges.h>

#include <fastio/context.hpp>

#include "convert.hpp"

namespace fastio::python {
namespace {

const char* name_of(StreamOrdering ordering) {
    switch (ordering) {
        case StreamOrdering::none:
            return "none";
        case StreamOrdering::memory_operations:
            return "memory_operations";
        case StreamOrdering::synchronise:
            return "synchronise";
    }
    return "unknown";
}

std::string text_of(Contents contents) {
    return contents == Contents::complete ? "" : fmt::format(", {}", to_string(contents));
}

std::string repr_of_stats(const ContextStats& s) {
    return fmt::format(
        "<fastio.ContextStats allocations={} publications={} leases={} members={} bytes_reserved={} bytes_in_use={} "
        "bytes_quarantined={} largest_free_block={} quota={} own_leases={} gets={} retries={} waits={} "
        "slabs_mapped={} bytes_published={} bytes_copied={} stream_ordering={} synchronised_publishes={}>",
        s.allocations, s.publications, s.leases, s.members, s.bytes_reserved, s.bytes_in_use, s.bytes_quarantined,
        s.largest_free_block, s.quota, s.own_leases, s.gets, s.retries, s.waits, s.slabs_mapped, s.bytes_published,
        s.bytes_copied, name_of(s.stream_ordering), s.synchronised_publishes);
}

}  // namespace

void bind_information(nb::module_& module) {
    nb::class_<PublicationInfo>(module, "PublicationInfo", "What is published under one name, when it was listed.")
        .def_prop_ro(
            "name", [](const PublicationInfo& info) { return to_str(info.name); }, nb::sig("def name(self) -> str"),
            "Under which it is published.")
        .def_ro("version", &PublicationInfo::version, "From one counter per context.")
        .def_prop_ro(
            "type", [](const PublicationInfo& info) { return to_python(info.type); },
            nb::sig("def type(self) -> numpy.dtype[Any] | DataType"),
            "The elements' numpy.dtype, or a fastio.DataType where NumPy has none.")
        .def_prop_ro(
            "dimensions", [](const PublicationInfo& info) { return to_tuple(info.dimensions); },
            nb::sig("def dimensions(self) -> tuple[int, ...]"), "Elements per dimension, outermost first.")
        .def_ro("size", &PublicationInfo::size, "Bytes.")
        .def_prop_ro(
            "device", [](const PublicationInfo& info) { return to_str(info.device); },
            nb::sig("def device(self) -> str"), "\"host\" or \"cuda:N\".")
        .def_prop_ro(
            "publisher", [](const PublicationInfo& info) { return to_str(info.publisher); },
            nb::sig("def publisher(self) -> str"), "Operator and process id, e.g. \"smooth[1234]\".")
        .def_prop_ro(
            "age", [](const PublicationInfo& info) { return std::chrono::duration<double>(info.age).count(); },
            "Seconds since it was published.")
        .def_prop_ro(
            "time_to_live",
            [](const PublicationInfo& info) -> nb::object {
                return info.time_to_live == forever
                           ? nb::none()
                           : nb::object(nb::float_(std::chrono::duration<double>(info.time_to_live).count()));
            },
            nb::sig("def time_to_live(self) -> float | None"),
            "Seconds from its publish on after which it goes by itself; None: it stays.")
        .def_prop_ro(
            "attributes", [](const PublicationInfo& info) { return to_dict(info.attributes); },
            nb::sig("def attributes(self) -> dict[str, str]"), "That it was published with.")
        .def_prop_ro(
            "contents", [](const PublicationInfo& info) { return nb::str(to_string(info.contents)); },
            nb::sig("def contents(self) -> str"),
            "\"complete\", \"pending\" (its producer's stream has not completed it yet: a get waits) or "
            "\"lost\" (its producer died first, or the service's --fence-limit passed: a get raises "
            "ProducerLostError).")
        .def("__repr__", [](const PublicationInfo& info) {
            return fmt::format("<fastio.PublicationInfo '{}' version {}: {} [{}] on {}{}>", info.name, info.version,
                               to_string(info.type), fmt::join(info.dimensions, ", "), info.device,
                               text_of(info.contents));
        });

    nb::class_<ContextStats>(module, "ContextStats", "Counters of a context and of one client of it.")
        .def_ro("allocations", &ContextStats::allocations, "Alive in the context.")
        .def_ro("publications", &ContextStats::publications, "Names in the context.")
        .def_ro("leases", &ContextStats::leases, "Held by all clients of the context.")
        .def_ro("members", &ContextStats::members, "Clients of the context.")
        .def_ro("bytes_reserved", &ContextStats::bytes_reserved, "In slabs.")
        .def_ro("bytes_in_use", &ContextStats::bytes_in_use, "In allocations.")
        .def_ro("bytes_quarantined", &ContextStats::bytes_quarantined, "In allocations that only ended clients hold.")
        .def_ro("largest_free_block", &ContextStats::largest_free_block, "Bytes that one create gets without a slab.")
        .def_ro("quota", &ContextStats::quota, "Bytes; 0: none.")
        .def_ro("own_leases", &ContextStats::own_leases, "Held by this client.")
        .def_ro("gets", &ContextStats::gets, "That this client made.")
        .def_ro("retries", &ContextStats::retries, "Lookups repeated because a writer was at work.")
        .def_ro("waits", &ContextStats::waits, "Times that a get, or a create for want of room, slept.")
        .def_ro("slabs_mapped", &ContextStats::slabs_mapped, "By this client now.")
        .def_ro("bytes_published", &ContextStats::bytes_published, "By this client.")
        .def_ro("bytes_copied", &ContextStats::bytes_copied, "Between memories, to serve this client's gets.")
        .def_prop_ro(
            "stream_ordering", [](const ContextStats& stats) { return nb::str(name_of(stats.stream_ordering)); },
            nb::sig("def stream_ordering(self) -> str"),
            "\"none\", \"memory_operations\" (streams wait for each other without the host) or "
            "\"synchronise\" (the device cannot: publishing waits).")
        .def_ro("synchronised_publishes", &ContextStats::synchronised_publishes,
                "On a stream, for which the host had to wait.")
        .def("__repr__", repr_of_stats);
}

}  // namespace fastio::python
