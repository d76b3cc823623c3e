#pragma once

/// Marks what libfastio exports. Everything else in the library is hidden.
#define FASTIO_EXPORT __attribute__((visibility("default")))
