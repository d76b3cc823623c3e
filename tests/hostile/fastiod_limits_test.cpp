// The limits of contexts, clients and users, as options of fastiod.
#include <ostream>

#include "client_fixture.hpp"
#include "support/child_process.hpp"

namespace fastio::test {
namespace {

struct Limit {
    const char* name;
    std::vector<std::string> options;
    Errc error;
    const char* number;  ///< that it names, too
};
std::ostream& operator<<(std::ostream& out, const Limit& limit) {
    return out << limit.name;
}

class FastiodLimits : public ::testing::TestWithParam<Limit> {};

TEST_P(FastiodLimits, AreTypedErrorsThatNameTheOption) {
    const TempDir folder;
    const std::string socket = folder.file("s");
    std::vector<std::string> arguments{"--device", "host", "--log-level", "off", "--socket", socket};
    arguments.insert(arguments.end(), GetParam().options.begin(), GetParam().options.end());
    const ChildProcess service = ChildProcess::start(FASTIOD, arguments);
    try {
        const ContextOptions options{.job = "job", .socket = socket, .connect_timeout = 60s};
        Context first(options);
        Context second(options);
        const Context other({.job = "other", .socket = socket});
        Allocation a = first.create(1000);
        Allocation b = second.create(1000);
        a.publish("a");
        b.publish("b");
        for (int i = 0; i < 20; ++i) {
            a.publish("a" + std::to_string(i));
        }
        std::vector<Allocation> leases;
        for (int i = 0; i < 1100; ++i) {
            leases.push_back(second.get("a"));
        }
        FAIL() << "nothing was refused";
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), GetParam().error) << error.what();
        for (const std::string& part : {GetParam().options[0], std::string(GetParam().number)}) {
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
        }
    }
}

const Limit kLimits[] = {
    {"quota_of_a_context", {"--quota", "1K"}, Errc::quota_exceeded, "1024"},
    {"allocations_of_a_context", {"--max-allocations", "1"}, Errc::table_full, "may have 1"},
    {"names_of_a_context", {"--max-allocations", "2"}, Errc::table_full, "may have 8"},
    {"leases_of_a_client", {"--max-leases", "512"}, Errc::lease_limit, "512"},
    {"clients_of_all", {"--max-clients", "2"}, Errc::quota_exceeded, "2 clients"},
    {"quota", {"--user-quota", "1K"}, Errc::quota_exceeded, "1024"},
    {"contexts", {"--user-contexts", "1"}, Errc::quota_exceeded, "1 context"},
    {"contexts_of_all", {"--max-contexts", "1"}, Errc::quota_exceeded, "1 context"},
    {"allocations", {"--user-allocations", "1"}, Errc::quota_exceeded, "may have 1"},
    {"names", {"--user-names", "1"}, Errc::quota_exceeded, "may have 1"},
    {"leases", {"--user-leases", "512"}, Errc::lease_limit, "512"},
    {"clients", {"--user-clients", "1"}, Errc::quota_exceeded, "may have 1"},
    {"queued", {"--user-queued", "512K"}, Errc::quota_exceeded, "524288"},
};
INSTANTIATE_TEST_SUITE_P(Each, FastiodLimits, ::testing::ValuesIn(kLimits),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace fastio::test
