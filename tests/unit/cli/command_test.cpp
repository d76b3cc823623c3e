#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fastio/context.hpp>

#include "command.hpp"
#include "npy_samples.hpp"
#include "raw_client.hpp"
#include "support/pipe.hpp"

namespace fastio::test {
namespace {

using Json = nlohmann::json;

class Commands : public testing::Test {
protected:
    /// A command that must succeed and say nothing on its standard error.
    std::string good(const std::vector<std::string>& arguments) {
        const CommandResult result = fastio_(arguments);
        EXPECT_EQ(result.status, (ExitStatus{0, 0})) << result.err;
        EXPECT_EQ(result.err, "");
        return result.out;
    }

    /// A command that must fail with status 1; gives its one line of error.
    std::string bad(const std::vector<std::string>& arguments) {
        const CommandResult result = fastio_(arguments);
        EXPECT_EQ(result.status, (ExitStatus{1, 0})) << result.out;
        EXPECT_TRUE(result.err.starts_with("fastio: ")) << result.err;
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
        return result.err;
    }

    std::string sample(const std::string& name) {
        const std::string path = folder_.file(name + ".npy");
        write_file(path, npy_sample(name));
        return path;
    }

    Daemon daemon_;
    Command fastio_ = Command({{"FASTIO_SOCKET", daemon_.socket()}});
    TempDir folder_;
};

TEST_F(Commands, what_was_put_is_got_byte_for_byte) {
    for (const char* const type : {"bool", "int64", "float16", "float32", "complex128", "scalar", "empty"}) {
        good({"put", sample(type), type});
        good({"get", type, "-o", folder_.file("copy.npy")});
        EXPECT_EQ(read_file(folder_.file("copy.npy")), npy_sample(type)) << type;
    }
}

TEST_F(Commands, put_converts_to_c_order_and_little_endian) {
    good({"put", sample("big_endian_fortran"), "a"});
    good({"get", "a", "-o", folder_.file("copy.npy")});
    EXPECT_EQ(read_file(folder_.file("copy.npy")), npy_sample("c_order"));
}

TEST_F(Commands, get_writes_into_a_pipe_and_nothing_else) {
    good({"put", sample("float32"), "a"});
    EXPECT_EQ(good({"get", "a", "-o", "/dev/stdout"}), npy_sample("float32"));
}

TEST_F(Commands, put_says_that_the_job_is_persistent_and_what_it_published) {
    const std::string out = good({"put", sample("float32"), "a", "--job", "ct-42"});
    EXPECT_NE(out.find("published 'a': float32 [2, 3], 24 B, version "), std::string::npos) << out;
    EXPECT_NE(out.find("job 'ct-42' is persistent: it stays until `fastio rm --job ct-42`"), std::string::npos) << out;
    const Json stat = Json::parse(good({"stat", "--json"}));
    ASSERT_EQ(stat["contexts"].size(), 1U);
    EXPECT_EQ(stat["contexts"][0]["job"], "ct-42");
    EXPECT_EQ(stat["contexts"][0]["persistent"], true);
    EXPECT_EQ(stat["contexts"][0]["members"], 0);
}

TEST_F(Commands, the_job_comes_from_the_option_or_the_environment_or_is_default) {
    good({"put", sample("float32"), "a"});
    good({"put", sample("float32"), "b", "--job", "one"});
    fastio_ = Command({{"FASTIO_SOCKET", daemon_.socket()}, {"FASTIO_JOB", "two"}});
    good({"put", sample("float32"), "c"});
    std::vector<std::pair<std::string, std::string>> names;
    for (const Json& row : Json::parse(good({"ls", "--json"}))) {
        names.emplace_back(row["job"], row["name"]);
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::pair<std::string, std::string>>{{"default", "a"}, {"one", "b"}, {"two", "c"}}));
    good({"rm", "c"});
    EXPECT_EQ(Json::parse(good({"ls", "--json", "--job", "two"})), Json::array());
}

TEST_F(Commands, a_taken_name_needs_replace) {
    good({"put", sample("float32"), "a"});
    EXPECT_NE(bad({"put", sample("int16"), "a"}).find("'a'"), std::string::npos);
    good({"put", sample("int16"), "a", "--replace"});
    EXPECT_EQ(Json::parse(good({"ls", "--json"}))[0]["type"], "int16");
}

TEST_F(Commands, ls_lists_what_is_published_with_its_metadata) {
    good({"put", sample("float32"), "scan/a"});
    good({"put", sample("int16"), "other"});
    const Json all = Json::parse(good({"ls", "--json"}));
    ASSERT_EQ(all.size(), 2U);
    const Json one = Json::parse(good({"ls", "--json", "--prefix", "scan/"}));
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0]["name"], "scan/a");
    EXPECT_EQ(one[0]["type"], "float32");
    EXPECT_EQ(one[0]["dimensions"], Json({2, 3}));
    EXPECT_EQ(one[0]["size"], 24);
    EXPECT_EQ(one[0]["device"], "host");
    EXPECT_TRUE(one[0]["publisher"].get<std::string>().starts_with("fastio[")) << one;
    const std::string table = good({"ls"});
    EXPECT_TRUE(table.starts_with("job      name    type     dimensions  size  device  version  publisher")) << table;
    EXPECT_NE(table.find("default  scan/a  float32  [2, 3]      24 B  host"), std::string::npos) << table;
}

TEST_F(Commands, put_takes_a_time_to_live_and_ls_shows_it) {
    good({"put", sample("float32"), "a"});
    good({"put", sample("float32"), "b", "--time-to-live", "3600"});
    const Json all = Json::parse(good({"ls", "--json"}));
    EXPECT_EQ(all.at(0)["time_to_live_seconds"], nullptr);
    EXPECT_EQ(all.at(1)["time_to_live_seconds"], 3600.0);
    const std::string table = good({"ls"});
    EXPECT_NE(table.find(" s of 1 h 0 min"), std::string::npos) << table;
    for (const char* const wrong : {"0", "-1", "nan", "1e10", "soon", ""}) {
        EXPECT_EQ(fastio_({"put", sample("float32"), "c", "--time-to-live", wrong}).status, (ExitStatus{2, 0}))
            << wrong;
    }
}

TEST_F(Commands, ls_and_stat_say_which_contents_are_not_complete) {
    const auto producer = RawClient::member(daemon_.socket());
    const auto word = producer->ask<wire::FencesReply>(wire::GrantFences{}).first_word;
    producer->publish(producer->create(10), "done", 10);
    const wire::CreateReply made = producer->create(10);
    wire::Publish behind = producer->publish_message(made, "undone", 10);
    behind.lease = producer->lease(made);
    behind.fence_word = word;
    behind.fence_value = 1;  // which nobody writes
    producer->ask<wire::PublishReply>(behind);
    const Json rows = Json::parse(good({"ls", "--json"}));
    EXPECT_EQ(rows[0]["contents"], "complete");
    EXPECT_EQ(rows[1]["contents"], "pending");
    const std::string table = good({"ls"});
    EXPECT_NE(table.find(" s  pending\n"), std::string::npos) << table;
    EXPECT_EQ(table.find("complete"), std::string::npos) << table;
    EXPECT_NE(good({"stat", "--job", "job"}).find("published, contents pending  undone"), std::string::npos);
    EXPECT_EQ(Json::parse(good({"stat", "--job", "job", "--json"}))["allocations"][1]["contents"], "pending");
}

TEST_F(Commands, ls_of_a_job_that_is_not_there_fails) {
    EXPECT_NE(bad({"ls", "--job", "nobody"}).find("nobody"), std::string::npos);
    EXPECT_NE(bad({"stat", "--job", "nobody"}).find("nobody"), std::string::npos);
    EXPECT_EQ(Json::parse(good({"stat", "--json"}))["totals"]["contexts"], 0);
}

TEST_F(Commands, stat_has_exactly_the_totals_that_are_documented_and_does_not_count_itself) {
    const Json empty = Json::parse(good({"stat", "--json"}));
    EXPECT_EQ(empty, Json::parse(R"({"totals": {"sessions": 0, "contexts": 0, "allocations": 0, "leases": 0,
        "publications": 0, "bytes_reserved": 0, "bytes_in_use": 0, "bytes_quarantined": 0},
        "contexts": [], "sessions": []})"));
}

TEST_F(Commands, stat_of_a_job_says_who_holds_what) {
    ContextOptions joining;
    joining.job = "ct-42";
    joining.socket = daemon_.socket();
    Context context(joining);
    Allocation held = context.create(float32, {2, 3});
    held.publish("volume");
    const Json stat = Json::parse(good({"stat", "--json", "--job", "ct-42"}));
    ASSERT_EQ(stat["allocations"].size(), 1U);
    const Json& allocation = stat["allocations"][0];
    EXPECT_EQ(allocation["size"], 24);
    EXPECT_EQ(allocation["state"], "published");
    EXPECT_EQ(allocation["names"], Json({"volume"}));
    ASSERT_EQ(allocation["holders"].size(), 1U);
    EXPECT_EQ(allocation["holders"][0]["pid"], ::getpid());
    ASSERT_EQ(stat["sessions"].size(), 1U);
    EXPECT_EQ(stat["sessions"][0]["id"], allocation["holders"][0]["session"]);
    EXPECT_EQ(stat["sessions"][0]["state"], "connected");
    const std::string text = good({"stat", "--job", "ct-42"});
    EXPECT_NE(text.find("[" + std::to_string(::getpid()) + "]"), std::string::npos) << text;
    EXPECT_NE(text.find("1 sessions, 1 contexts, 1 allocations, 1 leases, 1 names"), std::string::npos) << text;
}

TEST_F(Commands, stat_says_how_many_names_it_does_not_show) {
    Context context({.job = "ct-42", .socket = daemon_.socket()});
    Allocation held = context.create(float32, {2, 3});
    for (int i = 0; i < 10; ++i) {
        held.publish(std::to_string(i));
    }
    const Json stat = Json::parse(good({"stat", "--json", "--job", "ct-42"}));
    EXPECT_EQ(stat["allocations"][0]["names"].size(), 8U);
    EXPECT_EQ(stat["allocations"][0]["name_count"], 10);
    EXPECT_EQ(stat["allocations"][0]["holder_count"], 1);
    const std::string text = good({"stat", "--job", "ct-42"});
    EXPECT_NE(text.find("0, 1, 2, 3, 4, 5, 6, 7 and 2 more"), std::string::npos) << text;
}

TEST_F(Commands, rm_removes_a_name_or_ends_a_job) {
    good({"put", sample("float32"), "a"});
    good({"put", sample("float32"), "b"});
    EXPECT_EQ(good({"rm", "a"}), "removed 'a' from job 'default'\n");
    EXPECT_EQ(Json::parse(good({"ls", "--json"})).size(), 1U);
    EXPECT_NE(bad({"rm", "a"}).find("'a'"), std::string::npos);
    EXPECT_NE(bad({"rm", "--job", "nobody"}).find("nobody"), std::string::npos);
    good({"rm", "--job", "default"});
    EXPECT_EQ(Json::parse(good({"stat", "--json"}))["totals"]["contexts"], 0);
    EXPECT_EQ(Json::parse(good({"stat", "--json"}))["totals"]["bytes_in_use"], 0);
}

TEST_F(Commands, get_of_an_unknown_name_fails_and_leaves_no_file) {
    EXPECT_NE(bad({"get", "a", "-o", folder_.file("a.npy")}).find("'a'"), std::string::npos);
    EXPECT_NE(bad({"get", "a", "-o", folder_.file("a.npy"), "--timeout", "0.01"}).find("'a'"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Commands, get_without_a_timeout_does_not_make_the_job_that_it_looks_into) {
    const auto watcher = RawClient::visitor(daemon_.socket());
    watcher->watch(1, {}, true);
    EXPECT_NE(bad({"get", "a", "-o", folder_.file("a.npy"), "--job", "typo"}).find("there is no job 'typo'"),
              std::string::npos);
    good({"put", sample("float32"), "a"});
    EXPECT_EQ(wire::get_text(watcher->event<wire::Event>().job), "default") << "the first that was made";
}

TEST_F(Commands, get_waits_for_a_name_as_long_as_it_may) {
    ChildProcess get = fastio_.start({"get", "a", "-o", folder_.file("copy.npy"), "--timeout", "600"});
    good({"put", sample("float32"), "a"});
    EXPECT_EQ(get.wait(), (ExitStatus{0, 0})) << get.output();
    EXPECT_EQ(read_file(folder_.file("copy.npy")), npy_sample("float32"));
}

TEST_F(Commands, a_type_that_numpy_has_not_is_explained) {
    ContextOptions joining;
    joining.socket = daemon_.socket();
    Context context(joining);
    Allocation made = context.create(bfloat16, {4});
    made.publish("a");
    const std::string why = bad({"get", "a", "-o", folder_.file("a.npy")});
    EXPECT_NE(why.find("bfloat16"), std::string::npos) << why;
    EXPECT_NE(why.find("NumPy has no such type"), std::string::npos) << why;
}

TEST_F(Commands, a_bad_file_is_refused_before_anything_is_made) {
    write_file(folder_.file("a.npy"), npy_sample("float32") + "x");
    EXPECT_NE(bad({"put", folder_.file("a.npy"), "a"}).find("a.npy"), std::string::npos);
    EXPECT_EQ(Json::parse(good({"stat", "--json"}))["totals"]["contexts"], 0);
}

TEST_F(Commands, a_put_that_fails_leaves_no_context) {
    EXPECT_NE(bad({"put", "--job", "lost", sample("float32"), std::string(256, 'n')}), "");
    EXPECT_EQ(Json::parse(good({"stat", "--json"}))["totals"]["contexts"], 0);
}

TEST_F(Commands, rm_says_what_it_did_as_json) {
    good({"put", sample("float32"), "a"});
    EXPECT_EQ(Json::parse(good({"rm", "a", "--json"})), Json::parse(R"({"job": "default", "removed": "a"})"));
    EXPECT_EQ(Json::parse(good({"rm", "--job", "default", "--json"})),
              Json::parse(R"({"job": "default", "ended": true})"));
}

TEST_F(Commands, put_and_get_say_what_they_did_as_json) {
    const Json put = Json::parse(good({"put", sample("float32"), "a", "--job", "ct-42", "--json"}));
    Json expected = Json::parse(R"({"job": "ct-42", "name": "a", "type": "float32", "dimensions": [2, 3], "size": 24,
        "device": "host", "attributes": {}, "persistent": true})");
    expected["version"] = put["version"];
    EXPECT_GE(put["version"], 1);
    EXPECT_EQ(put, expected);

    expected.erase("persistent");
    expected["output"] = folder_.file("copy.npy");
    EXPECT_EQ(Json::parse(good({"get", "a", "--job", "ct-42", "-o", folder_.file("copy.npy"), "--json"})), expected);
    EXPECT_EQ(read_file(folder_.file("copy.npy")), npy_sample("float32"));
}

TEST_F(Commands, get_does_not_mix_the_file_with_json) {
    good({"put", sample("float32"), "a"});
    EXPECT_NE(bad({"get", "a", "-o", "/dev/stdout", "--json"}).find("/dev/stdout"), std::string::npos);
    EXPECT_EQ(Json::parse(good({"get", "a", "-o", "/dev/null", "--json"}))["output"], "/dev/null");
}

TEST_F(Commands, a_full_disk_is_an_error) {
    good({"put", sample("float32"), "a"});
    EXPECT_NE(bad({"get", "a", "-o", "/dev/full"}).find("No space left"), std::string::npos);
}

TEST_F(Commands, watch_prints_what_happens_until_it_is_interrupted) {
    ChildProcess all = fastio_.start({"watch", "--json"});
    ChildProcess some = fastio_.start({"watch", "--prefix", "scan/"});
    ContextOptions joining;
    joining.job = "ct-42";
    joining.socket = daemon_.socket();
    // A watch starts with what happens after it was made: repeat until both have heard.
    bool both = false;
    for (int i = 0; !both; ++i) {
        Context context(joining);
        Allocation made = context.create(float32, {1});
        made.publish("other/" + std::to_string(i));
        made.publish("scan/" + std::to_string(i));
        both = all.output().find("\"scan/") != std::string::npos && some.output().find("scan/") != std::string::npos;
    }
    all.signal(SIGINT);
    some.signal(SIGTERM);
    EXPECT_EQ(all.wait(), (ExitStatus{0, 0}));
    EXPECT_EQ(some.wait(), (ExitStatus{0, 0}));
    EXPECT_NE(all.output().find(R"({"event":"published","job":"ct-42","name":"scan/)"), std::string::npos)
        << all.output();
    EXPECT_NE(some.output().find("published        ct-42  scan/"), std::string::npos) << some.output();
    EXPECT_EQ(some.output().find("other/"), std::string::npos) << some.output();
}

TEST_F(Commands, watch_is_interrupted_also_where_its_reader_is_slower_than_what_happens) {
    Pipe pipe = make_pipe();
    ASSERT_GT(::fcntl(pipe.read.get(), F_SETPIPE_SZ, 4096), 0);
    ChildOptions options;
    options.descriptors = {pipe.write.get()};
    options.environment = {{"FASTIO_SOCKET", daemon_.socket()}};
    ChildProcess watch = ChildProcess::start("/bin/sh", {"-c", "exec \"$0\" watch >&3 3>&-", FASTIO_PROGRAM}, options);
    pipe.write.reset();
    ContextOptions joining;
    joining.socket = daemon_.socket();
    Context context(joining);
    const auto publish = [&] {
        Allocation made = context.create(1);
        made.publish("x");
        made.free();
    };
    while (!is_readable(pipe.read.get())) {
        publish();
    }
    for (int i = 0; i < 500; ++i) {  // many times what the pipe holds
        publish();
    }
    watch.signal(SIGTERM);
    // More happens than is read, so that there is always one more event.
    char byte = 0;
    for (std::uint64_t read = 0; ::read(pipe.read.get(), &byte, 1) == 1; ++read) {
        if (read % 16 == 0) {
            publish();
        }
    }
    EXPECT_EQ(watch.wait(), (ExitStatus{0, 0}));
}

TEST_F(Commands, watch_is_interrupted_also_where_nobody_reads) {
    Pipe pipe = make_pipe();
    ChildOptions options;
    options.descriptors = {pipe.write.get()};
    options.environment = {{"FASTIO_SOCKET", daemon_.socket()}};
    ChildProcess watch = ChildProcess::start("/bin/sh", {"-c", "exec \"$0\" watch >&3 3>&-", FASTIO_PROGRAM}, options);
    ContextOptions joining;
    joining.socket = daemon_.socket();
    Context context(joining);
    const auto is_full = [&] {
        pollfd room{pipe.write.get(), POLLOUT, 0};
        return ::poll(&room, 1, 0) == 0;
    };
    const auto publish = [&] {
        Allocation made = context.create(1);
        made.publish("x");
        made.free();
    };
    while (!is_full()) {
        publish();
    }
    for (int i = 0; i < 500; ++i) {  // what is full has room for some more
        publish();
    }
    watch.signal(SIGTERM);
    EXPECT_EQ(watch.wait(), (ExitStatus{0, 0}));
}

TEST_F(Commands, watch_ends_with_an_error_when_the_service_does) {
    ChildProcess watch = fastio_.start({"watch"});
    ContextOptions joining;
    joining.socket = daemon_.socket();
    while (watch.output().empty()) {
        const Context context(joining);
    }
    daemon_.process().kill();
    EXPECT_EQ(watch.wait(), (ExitStatus{1, 0}));
    EXPECT_NE(watch.output().find("\nfastio: "), std::string::npos) << watch.output();
}

}  // namespace
}  // namespace fastio::test
