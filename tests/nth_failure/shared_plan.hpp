#pragma once

#include <string>

#include "device/descriptor.hpp"
#include "plan.hpp"

namespace fastio::test {

/// A Plan in memory that forked children share, and that others can map.
class SharedPlan {
public:
    SharedPlan();
    SharedPlan(const SharedPlan&) = delete;
    SharedPlan& operator=(const SharedPlan&) = delete;
    ~SharedPlan();

    [[nodiscard]] Plan& operator*() const noexcept { return *plan_; }
    [[nodiscard]] Plan* operator->() const noexcept { return plan_; }
    /// The file to map, for kPlanVariable.
    [[nodiscard]] std::string path() const;

private:
    Descriptor file_;
    Plan* plan_;
};

}  // namespace fastio::test
