#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

namespace fastio {

/// An object that is never destroyed, for static variables that static objects of the program may still need while the
/// process exits. It needs no memory of its own, so that there is no moment at which it cannot be made.
template <class T>
class Immortal {
public:
    static_assert(std::is_nothrow_default_constructible_v<T>);

    Immortal() noexcept : object_(new (storage_) T) {}
    Immortal(const Immortal&) = delete;
    Immortal& operator=(const Immortal&) = delete;
    ~Immortal() = default;

    [[nodiscard]] T& operator*() const noexcept { return *object_; }

private:
    alignas(T) std::byte storage_[sizeof(T)];
    T* object_;
};

}  // namespace fastio
