#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

#include "device/descriptor.hpp"
#include "wire/socket.hpp"

namespace fastio::service {

/// Closes what clients passed. Closing a file may wait for as long as who made it likes: a TCP socket lingers over what
/// it could not send, a file of a user's own file system is flushed by that user's program, a socket closes what is
/// queued in it. So the control thread does not; each user has a thread for it while there is something to close. Where
/// none can be started it is tried again with the user's next descriptor and the next connection. Only a descriptor for
/// which there is no memory in the queue is closed at once.
///
/// *Thread safety:* the control thread's own. *Lifetime:* its end waits for nobody; a close that waits goes on until
/// the process ends.
class ForeignDescriptors {
public:
    /// Errors: std::bad_alloc.
    ForeignDescriptors();
    ForeignDescriptors(const ForeignDescriptors&) = delete;
    ForeignDescriptors& operator=(const ForeignDescriptors&) = delete;
    ~ForeignDescriptors() = default;

    void close(uid_t user, Descriptor descriptor) noexcept;
    /// What nobody took out of the packet.
    void close(uid_t user, wire::Packet& packet) noexcept;
    /// The service's end of a connection: shut down, and closed here if no descriptor is queued in it.
    void close(uid_t user, wire::Socket& socket) noexcept;

    /// How many of this user's are not closed yet.
    [[nodiscard]] std::size_t pending(uid_t user) const noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace fastio::service
