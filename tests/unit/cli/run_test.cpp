#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include <fastio/service.hpp>

#include "command.hpp"
#include "support/temp_dir.hpp"

namespace fastio::test {
namespace {

using Json = nlohmann::json;

class Run : public testing::Test {
protected:
    Run() { std::filesystem::create_directory(folder_.file("tmp")); }

    std::string pipeline(const std::string& operators) {
        write_file(folder_.file("p.yaml"), "name: tiny\noperators:\n" + operators);
        return folder_.file("p.yaml");
    }

    static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

    /// What a run leaves of its private service.
    bool left_nothing() const { return std::filesystem::is_empty(folder_.file("tmp")); }

    std::map<std::string, std::string> environment() const {
        std::map<std::string, std::string> variables;
        variables["XDG_RUNTIME_DIR"] = folder_.file("tmp");
        variables["PATH"] = FASTIO_TEST_PROGRAMS ":/usr/bin:/bin";
        return variables;
    }

    TempDir folder_;
    Command fastio_{environment()};
};

constexpr const char* kThree = R"(
- {name: first, command: [unit_cli_operator], outputs: [a]}
- {name: last, command: [unit_cli_operator], inputs: [a, b], outputs: [c]}
- {name: second, command: [unit_cli_operator], inputs: [a], outputs: [b]}
)";

TEST_F(Run, operators_share_by_name_through_a_private_service) {
    const CommandResult result = fastio_({"run", "--workdir", folder_.file("work"), pipeline(kThree)});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err << result.out;
    EXPECT_EQ(result.err, "");
    EXPECT_TRUE(has(result.out, "first  | first sums to 1\n")) << result.out;
    EXPECT_TRUE(has(result.out, "second | second sums to 2\n")) << result.out;
    EXPECT_TRUE(has(result.out, "last   | last sums to 4\n")) << result.out;
    EXPECT_TRUE(has(result.out, "== first started with process id ")) << result.out;
    EXPECT_TRUE(has(result.out, "] published 'a': uint64 [], 8 B\n")) << result.out;
    EXPECT_TRUE(has(result.out, "== first ended after ")) << result.out;
    EXPECT_TRUE(has(result.out, "\noperator  seconds  published  copied\nfirst ")) << result.out;
    EXPECT_TRUE(result.out.ends_with("\n0 bytes copied between operators\n")) << result.out;
    EXPECT_TRUE(left_nothing());
}

TEST_F(Run, its_private_service_tells_no_service_manager_that_it_is_ready) {
    auto variables = environment();
    variables["NOTIFY_SOCKET"] = folder_.file("nobody");  // which the service would warn of
    const CommandResult result = Command(variables)({"run", pipeline(kThree)});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err << result.out;
    EXPECT_FALSE(has(result.out + result.err, "service manager")) << result.out << result.err;
}

TEST_F(Run, says_first_on_which_device_it_is) {
    const CommandResult result = fastio_({"run", "--device", "host", pipeline(kThree)});
    EXPECT_TRUE(result.out.starts_with("== pipeline 'tiny': 3 operators, job 'tiny-")) << result.out;
    EXPECT_TRUE(has(result.out.substr(0, result.out.find('\n')), "', device host, service at ")) << result.out;
    EXPECT_FALSE(has(result.out, "warns")) << result.out;
}

TEST_F(Run, the_table_has_what_each_operator_published) {
    const std::string out = fastio_({"run", pipeline(kThree)}).out;
    const std::string table = out.substr(out.find("\noperator  seconds"));
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 6) << table;
    for (const char* const name : {"\nfirst ", "\nlast ", "\nsecond "}) {
        const std::string row = table.substr(table.find(name) + 1, table.find('\n', table.find(name) + 1));
        EXPECT_TRUE(has(row.substr(0, row.find('\n')), "  8 B  ")) << table;
    }
}

TEST_F(Run, with_json_prints_the_table_as_json_and_all_else_beside_it) {
    const CommandResult result = fastio_({"run", "--json", pipeline(kThree)});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    const Json run = Json::parse(result.out);
    EXPECT_EQ(run["pipeline"], "tiny");
    EXPECT_TRUE(run["job"].get<std::string>().starts_with("tiny-")) << run;
    EXPECT_EQ(run["bytes_copied"], 0);
    ASSERT_EQ(run["operators"].size(), 3U);
    const char* const names[] = {"first", "last", "second"};  // as in the file
    for (std::size_t i = 0; i < 3; ++i) {
        Json one = run["operators"][i];
        EXPECT_GT(one["seconds"].get<double>(), 0);
        one.erase("seconds");
        EXPECT_EQ(
            one,
            Json(
                {{"name", names[i]}, {"status", 0}, {"signal", nullptr}, {"bytes_published", 8}, {"bytes_copied", 0}}));
    }
    EXPECT_TRUE(has(result.err, "== first started with process id ")) << result.err;
    EXPECT_TRUE(has(result.err, "last   | last sums to 4\n")) << result.err;
}

TEST_F(Run, that_fails_prints_its_json_before_the_error) {
    const CommandResult result = fastio_({"run", "--json", pipeline(R"(
- {name: bad, command: [unit_cli_operator, crash], outputs: [a]}
- {name: sleeps, command: [sleep, '1000000']}
)")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    const Json run = Json::parse(result.out);
    EXPECT_EQ(run["operators"][0]["status"], 7);
    EXPECT_EQ(run["operators"][1]["status"], nullptr);
    EXPECT_EQ(run["operators"][1]["signal"], SIGTERM);
    EXPECT_TRUE(has(result.err, "\nfastio: operator 'bad' ended with status 7 after ")) << result.err;
}

TEST_F(Run, forced_staging_counts_every_byte_that_a_get_moves) {
    auto variables = environment();
    variables["FASTIO_FORCE_STAGING"] = "1";
    const CommandResult result = Command(variables)({"run", pipeline(kThree)});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err << result.out;
    EXPECT_TRUE(has(result.out, "last   | last sums to 4\n")) << "the copies have the contents: " << result.out;
    // `second` gets one value of 8 bytes, `last` two.
    EXPECT_TRUE(result.out.ends_with("\n24 bytes copied between operators\n")) << result.out;
}

TEST_F(Run, a_running_service_is_used_and_kept) {
    Daemon daemon;
    auto variables = environment();
    variables["FASTIO_SOCKET"] = daemon.socket();
    const CommandResult result = Command(variables)({"run", pipeline(kThree)});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err << result.out;
    EXPECT_TRUE(has(result.out, "service at " + daemon.socket() + "\n")) << result.out;
    Service service(daemon.socket());
    EXPECT_EQ(service.totals().contexts, 0U);
    EXPECT_EQ(service.totals().bytes_in_use, 0U);
}

TEST_F(Run, operators_are_told_the_device_that_the_service_serves) {
    const CommandResult result =
        fastio_({"run", "--device", "host", pipeline("- {name: a, command: [sh, -c, 'echo on $FASTIO_DEVICE']}\n")});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    EXPECT_TRUE(has(result.out, "a | on host\n")) << result.out;
}

TEST_F(Run, a_device_that_nobody_has_is_refused_with_the_services_reason) {
    for (const char* const device : {"cuda:99", "floppy"}) {
        const CommandResult result = fastio_({"run", "--device", device, pipeline(kThree)});
        EXPECT_EQ(result.status, (ExitStatus{1, 0})) << device;
        EXPECT_TRUE(has(result.err, "the private service ended before it was ready")) << result.err;
        EXPECT_TRUE(has(result.err, device)) << result.err;
        EXPECT_FALSE(has(result.out, "started")) << result.out;
        EXPECT_TRUE(left_nothing());
    }
}

TEST_F(Run, operators_run_in_the_work_folder_and_write_there) {
    write_file(folder_.file("scan.txt"), "scan");
    const std::string file = pipeline(R"(
- name: copy
  command: [sh, -c, 'echo "$FASTIO_STAGE $FASTIO_INPUTS" > out/copy.txt']
  inputs: [{name: scan, path: scan.txt}]
  outputs: [{name: copy, path: out/copy.txt}]
)");
    const CommandResult result = fastio_({"run", "--workdir", folder_.file("work"), file});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    EXPECT_EQ(read_file(folder_.file("work/out/copy.txt")),
              R"(copy [{"name":"scan","path":")" + folder_.file("scan.txt") + "\"}]\n");
}

TEST_F(Run, one_that_fails_ends_the_run_with_its_name_status_and_last_lines) {
    const CommandResult result = fastio_({"run", pipeline(R"(
- {name: first, command: [unit_cli_operator], outputs: [a]}
- {name: bad, command: [unit_cli_operator, crash], inputs: [a], outputs: [b]}
- {name: waits, command: [unit_cli_operator], inputs: [b]}
- {name: sleeps, command: [sleep, '1000000']}
)")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(result.err.starts_with("fastio: operator 'bad' ended with status 7 after ")) << result.err;
    EXPECT_TRUE(result.err.ends_with("; its last lines: first line | the reason\n")) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
    EXPECT_TRUE(has(result.out, "== sleeps ended with signal 15 (Terminated)")) << result.out;
    EXPECT_TRUE(left_nothing());
}

TEST_F(Run, one_that_a_signal_ends_is_named_with_it) {
    const CommandResult result = fastio_({"run", pipeline("- {name: a, command: [sh, -c, 'kill -ABRT $$']}\n")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(has(result.err, "operator 'a' ended with signal 6 (Aborted)")) << result.err;
    EXPECT_TRUE(has(result.err, "it wrote nothing")) << result.err;
}

TEST_F(Run, what_is_missing_is_refused_before_anything_starts) {
    const CommandResult result = fastio_({"run", "--workdir", folder_.file("work"), pipeline(R"(
- {name: a, command: [touch, started]}
- {name: b, command: [no-such-operator]}
)")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(has(result.err, "p.yaml:5: operator 'b' has no program 'no-such-operator'")) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_FALSE(std::filesystem::exists(folder_.file("work")));
}

TEST_F(Run, a_bad_pipeline_file_is_refused_with_its_line) {
    const CommandResult result = fastio_({"run", pipeline("- {name: a, command: [sh], inputs: [x]}\n")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_EQ(result.err.substr(0, result.err.find(',')),
              "fastio: " + folder_.file("p.yaml") + ":3: nobody outputs 'x'");
}

TEST_F(Run, an_interrupt_ends_the_operators_and_the_service) {
    ChildProcess run =
        fastio_.start({"run", pipeline("- {name: a, command: [sh, -c, 'echo ready; sleep 1000000']}\n")});
    run.wait_for_output("a | ready");
    run.signal(SIGINT);
    EXPECT_EQ(run.wait(), (ExitStatus{1, 0}));
    EXPECT_TRUE(has(run.output(), "== a ended with signal 15 (Terminated)")) << run.output();
    EXPECT_TRUE(has(run.output(), "fastio: the run of 'tiny' was ended by signal 2 (Interrupt)\n")) << run.output();
    EXPECT_TRUE(left_nothing());
}

TEST_F(Run, an_interrupt_is_heard_beside_an_operator_that_never_stops_publishing) {
    ChildProcess run = fastio_.start({"run", pipeline("- {name: a, command: [unit_cli_operator, flood]}\n")});
    run.wait_for_output("a | flooding");
    run.signal(SIGTERM);
    EXPECT_EQ(run.wait(), (ExitStatus{1, 0}));
    EXPECT_TRUE(has(run.output(), "fastio: the run of 'tiny' was ended by signal 15 (Terminated)\n")) << run.output();
}

TEST_F(Run, operators_die_with_a_run_that_is_killed) {
    ChildProcess run =
        fastio_.start({"run", pipeline("- {name: a, command: [sh, -c, 'echo me $$; exec sleep 1000000']}\n")});
    run.wait_for_output("a | me ");
    const std::string out = run.output();
    const pid_t op = std::stoi(out.substr(out.find("a | me ") + 7));
    run.kill();
    // A zombie until its new parent notices, but nothing that runs.
    const std::string status = "/proc/" + std::to_string(op) + "/status";
    std::string text = read_file(status);
    while (!text.empty() && !has(text, "State:\tZ")) {
        text = read_file(status);
    }
    EXPECT_TRUE(text.empty() || has(text, "State:\tZ"));
}

TEST_F(Run, who_waits_for_what_never_came_is_not_waited_for) {
    const CommandResult result = fastio_({"run", pipeline(R"(
- {name: src, command: ["true"], outputs: [vol]}
- {name: sink, command: [sh, -c, 'sleep 1000000'], inputs: [vol]}
)")});
    EXPECT_EQ(result.status, (ExitStatus{1, 0}));
    EXPECT_TRUE(has(result.err,
                    "operator 'src' ended without publishing its output 'vol', which 'sink' takes as an "
                    "input"))
        << result.err;
    EXPECT_TRUE(has(result.out, "== src ended without publishing 'vol', an input of sink: ending the operators"))
        << result.out;
    EXPECT_TRUE(left_nothing());
}

TEST_F(Run, takes_the_job_it_is_given) {
    const CommandResult result =
        fastio_({"run", "--job", "ct-42", pipeline("- {name: a, command: [sh, -c, 'echo $FASTIO_JOB']}\n")});
    EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
    EXPECT_TRUE(has(result.out, "a | ct-42\n")) << result.out;
}

// Whoever ignores SIGCHLD hands that on to what it starts, and the kernel then forgets how children end.
TEST_F(Run, an_operator_that_fails_is_seen_where_sigchld_was_ignored) {
    struct sigaction before {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGCHLD, &ignore, &before);
    ChildProcess run = fastio_.start({"run", pipeline("- {name: a, command: [sh, -c, 'exit 3']}\n")});
    ::sigaction(SIGCHLD, &before, nullptr);
    EXPECT_EQ(run.wait(), (ExitStatus{1, 0}));
    EXPECT_TRUE(has(run.output(), "operator 'a' ended with status 3")) << run.output();
}

TEST_F(Run, a_service_that_dies_is_blamed_and_not_the_operators) {
    ChildProcess run = fastio_.start({"run", pipeline(R"(
- {name: a, command: [sh, -c, 'echo ready; sleep 1000000']}
)")});
    run.wait_for_output("a | ready");
    const std::string out = run.output();
    const std::size_t start = out.find("service at ") + 11;
    const Service service(out.substr(start, out.find(" (private)") - start));
    ASSERT_EQ(::kill(static_cast<pid_t>(service.pid()), SIGKILL), 0);
    EXPECT_EQ(run.wait(), (ExitStatus{1, 0}));
    EXPECT_TRUE(has(run.output(), "fastio: the private service ended during the run with signal 9 (Killed)"))
        << run.output();
    EXPECT_TRUE(left_nothing());
}

}  // namespace
}  // namespace fastio::test
