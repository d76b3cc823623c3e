#pragma once

namespace fastio::test {

/// While it lives, calls to the system that reserve something fail in this whole process with the given errno; 0 lets
/// them through. There is room again once it is gone.
class RefusedCalls {
public:
    struct Errors {
        int fallocate = 0;
        int pthread_create = 0;
    };
    explicit RefusedCalls(Errors errors) noexcept;
    RefusedCalls(const RefusedCalls&) = delete;
    RefusedCalls& operator=(const RefusedCalls&) = delete;
    ~RefusedCalls();
};

}  // namespace fastio::test
