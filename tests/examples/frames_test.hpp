#pragma once

#include <gtest/gtest.h>

#include "support/frames.hpp"

namespace frames {

/// The parameter is the device.
class Frames : public ::testing::TestWithParam<const char*>, protected testing::Programs {
protected:
    Frames() : Programs(GetParam()) {}
};

}  // namespace frames
