#pragma once

#include <cxxabi.h>
#include <unistd.h>

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

}  // namespace fastio::python
