/// A tiny operator for the tests of `fastio run`: gets each input that has a name and no path, adds its bytes up, and
/// publishes each output as one number. `crash` as its first argument makes it fail between the two, `flood` publish
/// for ever.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <string_view>

#include <fastio/fastio.hpp>

namespace {

[[noreturn]] void flood(fastio::Context& context) {
    for (int i = 0; i < 2000; ++i) {
        context.create(1).publish("x" + std::to_string(i), {.attributes = {{"a", std::string(1000, 'a')}}});
    }
    std::cout << "flooding" << std::endl;
    for (;;) {
        fastio::Allocation made = context.create(1);
        made.publish("x");
        made.free();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const auto entries = [](const char* variable) { return nlohmann::json::parse(std::getenv(variable)); };
    try {
        fastio::Context context;
        std::uint64_t sum = 1;
        for (const auto& input : entries("FASTIO_INPUTS")) {
            if (!input.contains("path")) {
                const auto got = context.get(input["name"].get<std::string>(), {.timeout = std::chrono::minutes(5)});
                const auto bytes = got.as_span<const std::uint8_t>();
                sum = std::accumulate(bytes.begin(), bytes.end(), sum);
            }
        }
        if (argc > 1 && argv[1] == std::string_view("crash")) {
            std::cerr << "first line\nthe reason\n";
            return 7;
        }
        if (argc > 1 && argv[1] == std::string_view("flood")) {
            flood(context);
        }
        for (const auto& output : entries("FASTIO_OUTPUTS")) {
            fastio::Allocation made = context.create(fastio::uint64, {});
            *made.data<std::uint64_t>() = sum;
            made.publish(output["name"].get<std::string>());
        }
        std::cout << std::getenv("FASTIO_STAGE") << " sums to " << sum << "\n";
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
    return 0;
}
