// A program of a user: the installed package and nothing else. It hosts a service of its own and sends an array through
// it by name.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>

#include <fastio/fastio.hpp>

namespace {

std::filesystem::path make_private_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fastio-consumer-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        std::perror("mkdtemp");
        std::exit(1);
    }
    return name;
}

bool passes_an_array_by_name(const std::string& socket) {
    const fastio::ContextOptions options{.job = "consumer", .socket = socket, .device = "host", .embedded = true};
    fastio::Context context{options};

    fastio::Allocation written = context.create(fastio::float32, {4, 8}, {.zero = true});
    const std::span<float> values = written.as_span<float>();
    std::iota(values.begin(), values.end(), 1.0F);
    written.publish("ramp", {.attributes = {{"unit", "mm"}}});

    const fastio::Allocation read = context.get("ramp", {.timeout = std::chrono::seconds(5)});
    return read.type() == fastio::float32 && read.count() == 32 && read.attributes().at("unit") == "mm" &&
           read.version() > 0 && std::ranges::equal(read.as_span<const float>(), values);
}

bool reports_a_missing_name(const std::string& socket) {
    fastio::Context context{{.job = "consumer", .socket = socket, .embedded = true}};
    try {
        static_cast<void>(context.get("nothing"));
    } catch (const fastio::Error& error) {
        return error.code() == fastio::Errc::not_found;
    }
    return false;
}

}  // namespace

int main() {
    const std::filesystem::path folder = make_private_folder();
    const std::string socket = folder / "fastiod.sock";
    const bool passed = passes_an_array_by_name(socket) && reports_a_missing_name(socket);
    std::filesystem::remove_all(folder);
    std::puts(passed ? "the array arrived" : "the array did not arrive as it was sent");
    return passed ? 0 : 1;
}
