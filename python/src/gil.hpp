#pragma once

#include <cxxabi.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "module.hpp"

/// The GIL, let go of and taken. nanobind's own guards end the program where a daemon thread comes back to an
/// interpreter that is ending: before Python 3.14 such a thread is made to exit there, which unwinds through noexcept.
/// Here it sleeps until the process is gone, as since 3.14.
namespace fastio::python {

namespace detail {

template <class Take>
auto take_gil(Take&& take) {
    try {
        return take();
    } catch (abi::__forced_unwind&) {
        for (;;) {
            ::pause();
        }
    }
}

}  // namespace detail

/// Lets go of the GIL as long as it lives.
class WithoutGil {
public:
    WithoutGil() noexcept : state_(PyEval_SaveThread()) {}
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;
    ~WithoutGil() {
        detail::take_gil([this] { PyEval_RestoreThread(state_); });
    }

private:
    PyThreadState* state_;
};

/// Holds the GIL as long as it lives, in any thread.
class WithGil {
public:
    WithGil() : state_(detail::take_gil([] { return PyGILState_Ensure(); })) {}
    WithGil(const WithGil&) = delete;
    WithGil& operator=(const WithGil&) = delete;
    ~WithGil() { PyGILState_Release(state_); }

private:
    PyGILState_STATE state_;
};

/// A shared object whose end may wait, as that of a lease or of a context, which say goodbye to the service: whoever
/// drops the last share, with the GIL or without, ends it without the GIL.
template <class Object, class... Arguments>
std::shared_ptr<Object> make_shared_ending_without_gil(Arguments&&... arguments) {
    return std::shared_ptr<Object>(new Object(std::forward<Arguments>(arguments)...), [](Object* last) {
        // After the interpreter's end the check alone says yes, and there is nothing to let go of.
        if (PyGILState_GetThisThreadState() != nullptr && PyGILState_Check() != 0) {
            const WithoutGil unlocked;
            delete last;
        } else {
            delete last;
        }
    });
}

}  // namespace fastio::python
