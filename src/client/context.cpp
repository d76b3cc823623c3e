#include <fastio/context.hpp>

#include <utility>

#include "client/client.hpp"
#include "client/creating.hpp"
#include "client/deadline.hpp"
#include "client/listing.hpp"
#include "client/lookup.hpp"
#include "client/publish_array.hpp"
#include "client/publishing.hpp"
#include "client/watch_events.hpp"
#include "core/fail.hpp"
#include "core/names.hpp"

namespace fastio {
namespace {

using ClientPtr = std::shared_ptr<detail::Client>;

detail::Client& usable(const ClientPtr& client, std::string_view call) {
    if (!client) [[unlikely]] {
        fail(Errc::context_closed, "{} was called on a Context that was moved from", call);
    }
    return *client;
}

const std::string& nothing() noexcept {
    static const std::string empty;
    return empty;
}

}  // namespace

Context::Context(const ContextOptions& options) : client_(detail::Client::join(options)) {}

Context::Context(Context&&) noexcept = default;

Context& Context::operator=(Context&& other) noexcept {
    if (this != &other) {
        close();
        client_ = std::move(other.client_);
    }
    return *this;
}

Context::~Context() {
    close();
}

Allocation Context::create(std::uint64_t bytes, const CreateOptions& options) {
    detail::Client& client = usable(client_, "create");
    if (bytes == 0 || bytes > static_cast<std::uint64_t>(INT64_MAX)) {
        client.check_open("create");
        fail(Errc::invalid_argument, "create was asked for {} bytes: give 1 to {}", bytes, INT64_MAX);
    }
    const std::int64_t extent = static_cast<std::int64_t>(bytes);
    return detail::AllocationAccess::make(
        detail::create(client, bytes, uint8, make_shape(std::span(&extent, 1)), options));
}

Allocation Context::create(DataType type, std::span<const std::int64_t> dimensions, const CreateOptions& options) {
    detail::Client& client = usable(client_, "create");
    const Shape shape = make_shape(dimensions);
    return detail::AllocationAccess::make(detail::create(client, size_bytes(type, shape), type, shape, options));
}

Allocation Context::create(DataType type, std::initializer_list<std::int64_t> dimensions,
                           const CreateOptions& options) {
    return create(type, std::span(dimensions.begin(), dimensions.size()), options);
}

Allocation Context::get(std::string_view name, const GetOptions& options) {
    detail::AllocationPtr impl = detail::get(usable(client_, "get"), name, options);
    if (!impl) {
        const std::string newer =
            options.newer_than > 0 ? fmt::format("newer than version {} ", options.newer_than) : std::string();
        const std::string what_there_is = detail::describe_names(*client_, job());
        if (options.timeout > std::chrono::nanoseconds::zero()) {
            fail(Errc::timed_out, "get of '{}' in job '{}': nothing {}was published within {} ms; {}", name, job(),
                 newer, std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count(), what_there_is);
        }
        fail(Errc::not_found,
             "get of '{}' in job '{}': nothing {}is published under that name: give a timeout to wait for it; {}", name,
             job(), newer, what_there_is);
    }
    return detail::AllocationAccess::make(std::move(impl));
}

std::optional<Allocation> Context::find(std::string_view name, const GetOptions& options) {
    detail::AllocationPtr impl = detail::get(usable(client_, "find"), name, options);
    if (!impl) {
        return std::nullopt;
    }
    return detail::AllocationAccess::make(std::move(impl));
}

std::vector<std::optional<Allocation>> Context::find_many(std::span<const std::string> names,
                                                          const GetOptions& options) {
    static_cast<void>(usable(client_, "find_many"));
    const bool waits = options.timeout > std::chrono::nanoseconds::zero();
    const auto deadline = detail::deadline_after(options.timeout);
    GetOptions of_next = options;
    std::vector<std::optional<Allocation>> found;
    found.reserve(names.size());
    for (const std::string& name : names) {
        if (waits) {
            of_next.timeout = deadline - std::chrono::steady_clock::now();
        }
        found.push_back(find(name, of_next));
    }
    return found;
}

void Context::publish_array(const ArrayView& array, std::string_view name, const PublishOptions& options,
                            const CreateOptions& creation) {
    detail::publish_array(usable(client_, "publish_array"), array, name, options, creation);
}

void Context::unpublish(std::string_view name, std::uint64_t version) {
    detail::Client& client = usable(client_, "unpublish");
    client.check_open("unpublish");
    check_name(name);
    wire::Unpublish request;
    wire::set_text(request.name, name);
    request.version = version;
    static_cast<void>(client.connection().call<wire::Ok>(request, "unpublish"));
}

std::vector<PublicationInfo> Context::list(std::string_view prefix) {
    return detail::list(usable(client_, "list"), prefix);
}

Watch Context::watch(std::string_view prefix) {
    detail::Client& client = usable(client_, "watch");
    client.check_open("watch");
    return detail::subscribe(client.connection(), client.watches(), client_, detail::WatchScope::own_context, prefix);
}

ContextStats Context::stats() {
    return detail::stats(usable(client_, "stats"));
}

bool Context::alive() const noexcept {
    return client_ && client_->alive();
}

void Context::close() noexcept {
    if (client_) {
        client_->end(detail::Ending::closed);
    }
}

const std::string& Context::job() const noexcept {
    return client_ ? client_->job() : nothing();
}

const std::string& Context::socket() const noexcept {
    return client_ ? client_->socket() : nothing();
}

const std::string& Context::device() const noexcept {
    return client_ ? client_->device() : nothing();
}

}  // namespace fastio
