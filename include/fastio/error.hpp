#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include <fastio/export.hpp>

namespace fastio {

/// Every way in which a Fast I/O call can fail. The numbers are stable: they travel over the socket and into exit
/// reports, so new ones are only ever added at the end.
enum class Errc : int {
    invalid_argument = 1,     ///< an argument is outside what the call accepts; nothing was done
    not_found,                ///< no publication (job, device) of that name now
    already_exists,           ///< the name is taken and `replace` was not asked for
    timed_out,                ///< the bounded wait ended first
    out_of_memory,            ///< the device's pool has no room for the request
    quota_exceeded,           ///< the context's or the user's quota has no room for the request
    table_full,               ///< the context has as many allocations or publications as its table may hold
    lease_limit,              ///< this client holds as many leases as it may
    released,                 ///< the Allocation was released, freed or moved from
    producer_lost,            ///< the producer died before the contents were complete
    service_lost,             ///< the service went away; what is mapped on the host stays readable
    service_unreachable,      ///< no service answers at the socket
    permission_denied,        ///< the socket, the context or the record belongs to somebody else
    version_mismatch,         ///< client and service speak different protocols or table layouts, or have
                              ///< different CUDA drivers
    incompatible_host,        ///< another boot or another machine than the service's
    device_unavailable,       ///< no such device here, or the service does not serve it
    device_error,             ///< the device's driver reported a failure
    context_closed,           ///< the Context was closed, or its job was ended
    protocol_error,           ///< the other side broke the protocol
    forked,                   ///< the object was made before fork() and is used in the child
    peer_access_unavailable,  ///< the two GPUs cannot reach each other's memory
    read_only,                ///< the entry may not be written
    unsupported,              ///< known, and not possible here
    corrupt_input,            ///< a file or a message is not what it says it is
    io_error,                 ///< the operating system refused a file operation
};

/// The category of all Fast I/O errors; its name is "fastio".
[[nodiscard]] FASTIO_EXPORT const std::error_category& category() noexcept;

/// Lets `error.code() == Errc::not_found` and `throw std::system_error(Errc::...)` work.
[[nodiscard]] FASTIO_EXPORT std::error_code make_error_code(Errc code) noexcept;

/// The spelling of an Errc, e.g. "not_found"; "unknown" for a number outside the enum.
[[nodiscard]] FASTIO_EXPORT const char* to_string(Errc code) noexcept;

/// What every failing call throws. `code()` is one of Errc in `category()`; `what()` says what was tried, on what, with
/// which numbers, and what to do about it.
class FASTIO_EXPORT Error : public std::system_error {
public:
    Error(Errc code, std::string message, std::uint64_t version = 0);
    ~Error() override;
    Error(const Error&) = default;
    Error& operator=(const Error&) = default;

    [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

    /// `code()` as the enum.
    [[nodiscard]] Errc errc() const noexcept { return static_cast<Errc>(code().value()); }

    /// Of producer_lost: the version whose contents are lost (Allocation::version), of find_many that of the name in
    /// the message. A consumer that goes on to the next one gives it to GetOptions::newer_than. 0 of all other errors.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    std::string message_;
    std::uint64_t version_;
};

}  // namespace fastio

template <>
struct std::is_error_code_enum<fastio::Errc> : std::true_type {};
