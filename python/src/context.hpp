#pragma once

#include <memory>
#include <string>
#include <vector>

#include <fastio/context.hpp>

#include "allocation.hpp"
#include "members.hpp"
#include "module.hpp"

namespace fastio::python {

/// What Python knows as FastIOContext: a Context, and a list of what it gave that is not collected yet. Every use needs
/// the GIL, and lets go of it for the C++ call.
class PyContext {
public:
    explicit PyContext(const ContextOptions& options);
    PyContext(const PyContext&) = delete;
    PyContext& operator=(const PyContext&) = delete;
    ~PyContext();

    /// For one call: with it, close() in another thread cannot take the Context away. Errors: context_closed.
    [[nodiscard]] std::shared_ptr<Context> use(const char* call) const;
    [[nodiscard]] bool is_alive() const noexcept { return context_ != nullptr && context_->alive(); }
    [[nodiscard]] const std::string& job() const noexcept { return job_; }
    [[nodiscard]] const std::string& socket() const noexcept { return socket_; }
    [[nodiscard]] const std::string& device() const noexcept { return device_; }
    /// What `call` got, as Python's. Errors: context_closed, where the execute handler has ended meanwhile.
    [[nodiscard]] PyAllocation adopt(const char* call, Allocation&& allocation, OwnStream own_stream);
    /// Ends calls and waits, and leaves the context as soon as no allocation is left.
    void close();
    /// Releases what was not released, for the end of an execute handler: later uses say that it has ended.
    void end_with_handler();

private:
    std::shared_ptr<Context> context_;  ///< null: closed
    std::string job_;
    std::string socket_;
    std::string device_;
    bool handler_ended_ = false;
    std::unique_ptr<Members> members_ = std::make_unique<Members>();
};

/// What publish_array is: see its docstring. Needs the GIL.
void publish_array(PyContext& self, nb::handle array, const std::string& name, const PublishOptions& options,
                   const CreateOptions& creation);

}  // namespace fastio::python
