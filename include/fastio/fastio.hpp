#pragma once

/// Fast I/O: device memory that operators of a pipeline share by name. Include this one header.

#include <fastio/allocation.hpp>
#include <fastio/array_view.hpp>
#include <fastio/contents.hpp>
#include <fastio/context.hpp>
#include <fastio/data_type.hpp>
#include <fastio/error.hpp>
#include <fastio/service.hpp>
#include <fastio/stream.hpp>
#include <fastio/version.hpp>
#include <fastio/watch.hpp>
