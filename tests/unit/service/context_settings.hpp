#pragma once

#include "service/context.hpp"
#include "unit/table/table_fixture.hpp"

namespace fastio::test {

/// Of a context without a service around it.
[[nodiscard]] inline service::Context::Settings context_settings() {
    service::Context::Settings settings;
    settings.id = 11;
    settings.job = "ct-42";
    settings.identity = identity(settings.job);
    return settings;
}

}  // namespace fastio::test
