// Measures what needs several processes. Prints a table, or JSON; the same program plays the other processes' roles.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "figures.hpp"
#include "ping_pong.hpp"

namespace {

using namespace fastio::bench;

void append(std::vector<Figure>& figures, std::vector<Figure> more) {
    for (const Figure& figure : more) {
        std::fputs(fmt::format("measured: {}\n", figure.what).c_str(), stderr);
    }
    figures.insert(figures.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Figures of Fast I/O that need several processes"};
    std::string role;
    std::string socket;
    std::string json;
    int fd = -1;
    std::size_t bytes = 0;
    std::size_t number = 0;
    std::size_t rounds = 5000;
    app.add_option("--rounds", rounds, "requests of each kind");
    app.add_option("--json", json, "also write the figures to this file; -: to standard output, instead of the table");
    // How this program starts itself for the other processes' parts.
    app.add_option("--role", role)->group("");
    app.add_option("--socket", socket)->group("");
    app.add_option("--fd", fd)->group("");
    app.add_option("--bytes", bytes)->group("");
    app.add_option("--number", number)->group("");
    CLI11_PARSE(app, argc, argv);
    try {
        if (role == "socket-echo") {
            return run_socket_echo(fd, bytes);
        }
        if (role == "futex-echo") {
            return run_futex_echo(fd);
        }
        if (role == "getter") {
            return run_getter(socket, fd);
        }
        if (role == "busy") {
            return run_busy_client(socket, number);
        }
        if (role == "holder") {
            return run_holder(socket, fd);
        }
        if (role == "victim") {
            return run_victim(socket);
        }
        if (role == "requests" || role == "sums" || role == "lists") {
            return run_flooder(socket, role);
        }
        std::vector<Figure> figures;
        append(figures, measure_busy_clients(16, 3));
        append(figures, measure_at_rest(100, 2));
        append(figures, measure_control_requests(rounds, Placement::free));
        append(figures, measure_publish_to_get(rounds / 5, Placement::free));
        append(figures, measure_control_requests(rounds, Placement::apart));
        append(figures, measure_publish_to_get(rounds / 5, Placement::apart));
        append(figures, measure_deaths(std::max<std::size_t>(rounds / 200, 1)));
        append(figures, measure_disturbance(rounds));
        std::fputs((json == "-" ? as_json(figures) + '\n' : as_table(figures)).c_str(), stdout);
        if (!json.empty() && json != "-") {
            std::ofstream(json) << as_json(figures) << '\n';
        }
        if (std::fflush(stdout) != 0) {
            throw std::runtime_error("cannot write to standard output");
        }
        return 0;
    } catch (const std::exception& error) {
        std::fputs(fmt::format("fastio_process_bench: {}\n", error.what()).c_str(), stderr);
        return 1;
    }
}
