#include <fastio/error.hpp>

#include <new>
#include <utility>

namespace fastio {
namespace {

struct Spelling {
    const char* name;
    const char* message;
};

Spelling spelling(Errc code) noexcept {
    switch (code) {
        case Errc::invalid_argument:
            return {"invalid_argument", "an argument is outside what the call accepts"};
        case Errc::not_found:
            return {"not_found", "nothing of that name is there"};
        case Errc::already_exists:
            return {"already_exists", "the name is taken"};
        case Errc::timed_out:
            return {"timed_out", "the wait ended first"};
        case Errc::out_of_memory:
            return {"out_of_memory", "the device's pool has no room"};
        case Errc::quota_exceeded:
            return {"quota_exceeded", "the quota has no room"};
        case Errc::table_full:
            return {"table_full", "the context's table is full"};
        case Errc::lease_limit:
            return {"lease_limit", "the client holds as many leases as it may"};
        case Errc::released:
            return {"released", "the allocation was released, freed or moved from"};
        case Errc::producer_lost:
            return {"producer_lost", "the producer died before the contents were complete"};
        case Errc::service_lost:
            return {"service_lost", "the service went away"};
        case Errc::service_unreachable:
            return {"service_unreachable", "no service answers at the socket"};
        case Errc::permission_denied:
            return {"permission_denied", "it belongs to somebody else"};
        case Errc::version_mismatch:
            return {"version_mismatch", "client and service are of different versions"};
        case Errc::incompatible_host:
            return {"incompatible_host", "client and service run on different hosts or boots"};
        case Errc::device_unavailable:
            return {"device_unavailable", "the device is not there or not served"};
        case Errc::device_error:
            return {"device_error", "the device's driver reported a failure"};
        case Errc::context_closed:
            return {"context_closed", "the context was closed or its job was ended"};
        case Errc::protocol_error:
            return {"protocol_error", "the other side broke the protocol"};
        case Errc::forked:
            return {"forked", "the object was made before fork() and is used in the child"};
        case Errc::peer_access_unavailable:
            return {"peer_access_unavailable", "the two GPUs cannot reach each other's memory"};
        case Errc::read_only:
            return {"read_only", "the entry may not be written"};
        case Errc::unsupported:
            return {"unsupported", "this is not possible here"};
        case Errc::corrupt_input:
            return {"corrupt_input", "a file or a message is not what it says it is"};
        case Errc::io_error:
            return {"io_error", "the operating system refused a file operation"};
    }
    return {"unknown", "unknown error"};
}

class Category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "fastio"; }
    [[nodiscard]] std::string message(int value) const override { return spelling(static_cast<Errc>(value)).message; }
};

}  // namespace

const std::error_category& category() noexcept {
    // Never destroyed: errors may be thrown and compared by destructors that run after those of this library's statics.
    alignas(Category) static unsigned char storage[sizeof(Category)];
    static const Category* const instance = ::new (storage) Category;
    return *instance;
}

std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), category()};
}

const char* to_string(Errc code) noexcept {
    return spelling(code).name;
}

Error::Error(Errc code, std::string message, std::uint64_t version)
    : std::system_error(make_error_code(code)), message_(std::move(message)), version_(version) {}

Error::~Error() = default;

}  // namespace fastio
