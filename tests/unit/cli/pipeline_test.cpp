#include "cli/pipeline.hpp"

#include <gtest/gtest.h>

#include <fastio/error.hpp>

#include "cli/json.hpp"
#include "support/temp_dir.hpp"

namespace fastio::cli {
namespace {

constexpr const char* kGood = R"(name: brain-mri
operators:
  - name: load
    command: ["op-load"]
    inputs: [{name: scan, path: brain.nii.gz}]
    outputs: [volume]
  - name: smooth
    command: ["op-smooth", "--sigma-mm", "1.5"]
    inputs: [volume]
    outputs: [{name: smoothed, type: array, element-type: float32, shape: [316, 370, 0]}]
)";

TEST(Pipeline, types_may_be_written_as_clara_did) {
    const Pipeline pipeline = parse_pipeline(
        "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: d, type: f64}, "
        "{name: v, type: array, element-type: u8, shape: [-1]}]}\n",
        "p.yaml");
    EXPECT_EQ(pipeline.operators[0].outputs.at(0).type, "float64");
    EXPECT_EQ(pipeline.operators[0].outputs.at(1).element_type, uint8);
}

TEST(Pipeline, a_good_file_is_read_whole) {
    const Pipeline pipeline = parse_pipeline(kGood, "p.yaml");
    EXPECT_EQ(pipeline.name, "brain-mri");
    ASSERT_EQ(pipeline.operators.size(), 2U);
    const Operator& load = pipeline.operators[0];
    EXPECT_EQ(load.name, "load");
    EXPECT_EQ(load.command, std::vector<std::string>{"op-load"});
    EXPECT_EQ(load.place.line, 3);
    ASSERT_EQ(load.inputs.size(), 1U);
    EXPECT_EQ(load.inputs[0].name, "scan");
    EXPECT_EQ(load.inputs[0].path, "brain.nii.gz");
    ASSERT_EQ(load.outputs.size(), 1U);
    EXPECT_FALSE(load.outputs[0].on_disk());
    const Operator& smooth = pipeline.operators[1];
    EXPECT_EQ(smooth.command, (std::vector<std::string>{"op-smooth", "--sigma-mm", "1.5"}));
    const Entry& smoothed = smooth.outputs.at(0);
    EXPECT_EQ(smoothed.type, "array");
    EXPECT_EQ(smoothed.element_type, float32);
    EXPECT_EQ(smoothed.shape, (std::vector<std::int64_t>{316, 370, 0}));
    EXPECT_EQ(smoothed.place.line, 10);
}

TEST(Pipeline, what_is_known_only_at_run_time_agrees_with_everything) {
    const Pipeline pipeline = parse_pipeline(
        "name: p\noperators:\n"
        "- {name: a, command: [x], outputs: [{name: v, type: array, element-type: f32, shape: [4, 0]}, w]}\n"
        "- {name: b, command: [x], inputs: [{name: v, type: array, element-type: f32, shape: [-1, 7]}, "
        "{name: w, type: f64}]}\n"
        "- {name: c, command: [x], inputs: [v]}\n",
        "p.yaml");
    EXPECT_EQ(pipeline.operators.size(), 3U);
}

TEST(Pipeline, entries_are_told_to_operators_as_they_were_declared) {
    const Pipeline pipeline = parse_pipeline(kGood, "p.yaml");
    EXPECT_EQ(dump(json_of(pipeline.operators[0].inputs[0]), -1), R"({"name":"scan","path":"brain.nii.gz"})");
    EXPECT_EQ(dump(json_of(pipeline.operators[0].outputs[0]), -1), R"({"name":"volume"})");
    EXPECT_EQ(dump(json_of(pipeline.operators[1].outputs[0]), -1),
              R"({"name":"smoothed","type":"array","element-type":"float32","shape":[316,370,0]})");
}

TEST(Pipeline, the_order_of_operators_does_not_matter) {
    const Pipeline pipeline = parse_pipeline(R"(
name: p
operators:
  - {name: last, command: [x], inputs: [a, b]}
  - {name: first, command: [x], outputs: [a]}
  - {name: second, command: [x], inputs: [a], outputs: [b]}
)",
                                             "p.yaml");
    EXPECT_EQ(pipeline.operators.size(), 3U);
}

TEST(Pipeline, strings_primitives_and_open_dimensions_are_types) {
    const Pipeline pipeline = parse_pipeline(R"(
name: p
operators:
  - name: a
    command: [x]
    inputs:
    outputs:
      - {name: s, type: string}
      - {name: d, type: float64}
      - {name: v, type: array, shape: [-1, 3]}
)",
                                             "p.yaml");
    const auto& outputs = pipeline.operators[0].outputs;
    EXPECT_EQ(outputs[0].type, "string");
    EXPECT_EQ(outputs[1].type, "float64");
    EXPECT_EQ(outputs[2].shape, (std::vector<std::int64_t>{-1, 3}));
}

TEST(Pipeline, a_file_input_may_have_the_name_of_an_output) {
    const Pipeline pipeline = parse_pipeline(R"(
name: p
operators:
  - {name: a, command: [x], inputs: [{name: v, path: v.nii}], outputs: [v]}
)",
                                             "p.yaml");
    EXPECT_EQ(pipeline.operators.size(), 1U);
}

TEST(Pipeline, a_missing_file_is_an_io_error) {
    const test::TempDir folder;
    for (const auto& [path, why] :
         {std::pair(folder.file("none.yaml"), "No such file"), std::pair(folder.path().string(), "it is a folder")}) {
        try {
            static_cast<void>(load_pipeline(path));
            FAIL() << path;
        } catch (const Error& error) {
            EXPECT_EQ(error.errc(), Errc::io_error);
            EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
        }
    }
}

TEST(Pipeline, what_is_not_yaml_is_corrupt_with_its_line) {
    try {
        static_cast<void>(parse_pipeline("name: p\noperators: [\n  {name: a\n", "p.yaml"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::corrupt_input);
        EXPECT_TRUE(std::string(error.what()).starts_with("p.yaml:4: not YAML: ")) << error.what();
    }
}

struct Refusal {
    const char* name;
    const char* text;
    const char* message;  // from its start, with file and line
};
class PipelineRefused : public testing::TestWithParam<Refusal> {};

TEST_P(PipelineRefused, with_file_line_and_reason) {
    try {
        static_cast<void>(parse_pipeline(GetParam().text, "p.yaml"));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.errc(), Errc::invalid_argument);
        EXPECT_TRUE(std::string(error.what()).starts_with(GetParam().message)) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Each, PipelineRefused,
    testing::Values(
        Refusal{"empty_file", "", "p.yaml:1: the file is empty"},
        Refusal{"a_list", "- a\n- b\n", "p.yaml:1: a pipeline is a list and must be a map"},
        Refusal{"no_name", "operators: [{name: a, command: [x]}]\n", "p.yaml:1: the pipeline has no name"},
        Refusal{"bad_name", "name: a b\noperators: [{name: a, command: [x]}]\n",
                "p.yaml:1: the pipeline's name is 'a b'"},
        Refusal{"long_name", "name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\noperators: []\n",
                "p.yaml:1: the pipeline's name is 'aaaaa"},
        Refusal{"no_operators_key", "name: p\n", "p.yaml:1: the pipeline has no operators"},
        Refusal{"no_operators", "name: p\noperators: []\n", "p.yaml:2: the pipeline has no operators"},
        Refusal{"null_operators", "name: p\noperators:\n", "p.yaml:2: the pipeline has no operators"},
        Refusal{"operators_a_map", "name: p\noperators: {a: b}\n", "p.yaml:2: operators is a map and must be a list"},
        Refusal{"unknown_key", "name: p\nversion: 2\noperators: [{name: a, command: [x]}]\n",
                "p.yaml:2: a pipeline has the unknown key 'version'"},
        Refusal{"repeated_key", "name: p\noperators: [{name: a, command: [x]}]\nname: q\n",
                "p.yaml:3: a pipeline has the key 'name' twice"},
        Refusal{"unknown_operator_key", "name: p\noperators:\n- name: a\n  command: [x]\n  input: [v]\n",
                "p.yaml:5: an operator has the unknown key 'input'"},
        Refusal{"unknown_entry_key",
                "name: p\noperators:\n- name: a\n  command: [x]\n  outputs:\n  - {name: v, dtype: i}\n",
                "p.yaml:6: an output of operator 'a' has the unknown key 'dtype'"},
        Refusal{"operator_without_name", "name: p\noperators:\n- command: [x]\n", "p.yaml:3: an operator has no name"},
        Refusal{"operator_a_word", "name: p\noperators:\n- a\n", "p.yaml:3: an operator is a single value"},
        Refusal{"missing_command", "name: p\noperators:\n- name: a\n", "p.yaml:3: operator 'a' has no command"},
        Refusal{"empty_command", "name: p\noperators:\n- name: a\n  command: []\n",
                "p.yaml:4: operator 'a' has an empty command"},
        Refusal{"command_a_word", "name: p\noperators:\n- name: a\n  command: op x\n",
                "p.yaml:4: the command of operator 'a' is a single value and must be a list"},
        Refusal{"command_of_lists", "name: p\noperators:\n- name: a\n  command: [op, [x]]\n",
                "p.yaml:4: a word of the command of operator 'a' is a list"},
        Refusal{"inputs_a_word", "name: p\noperators:\n- {name: a, command: [x], inputs: v}\n",
                "p.yaml:3: inputs of operator 'a' is a single value"},
        Refusal{"empty_entry_name", "name: p\noperators:\n- {name: a, command: [x], outputs: ['']}\n",
                "p.yaml:3: an output of operator 'a' has a name of 0 bytes"},
        Refusal{"empty_path", "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, path: ''}]}\n",
                "p.yaml:3: an output of operator 'a' 'v' has an empty path"},
        Refusal{"unknown_type",
                "name: p\noperators:\n- name: a\n  command: [x]\n  outputs:\n  - {name: v, type: list}\n",
                "p.yaml:6: an output of operator 'a' 'v' has the unknown type 'list'"},
        Refusal{
            "unknown_element_type",
            "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, element-type: double}]}\n",
            "p.yaml:3: an output of operator 'a' 'v' has the unknown element-type 'double'"},
        Refusal{"shape_of_a_string",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: string, shape: [1]}]}\n",
                "p.yaml:3: an output of operator 'a' 'v' has shape and not the type array"},
        Refusal{"shape_a_number",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, shape: 3}]}\n",
                "p.yaml:3: the shape of an output of operator 'a' 'v' is a single value and must be a list"},
        Refusal{"shape_of_words",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, shape: [3, x]}]}\n",
                "p.yaml:3: the shape of an output of operator 'a' 'v' is 'x' and must be a whole number"},
        Refusal{"negative_shape",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, shape: [-2]}]}\n",
                "p.yaml:3: an output of operator 'a' 'v' has the extent -2"},
        Refusal{"nine_dimensions",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, shape: "
                "[1,1,1,1,1,1,1,1,1]}]}\n",
                "p.yaml:3: an output of operator 'a' 'v' has 9 dimensions"},
        Refusal{"two_operators_of_one_name",
                "name: p\noperators:\n- {name: a, command: [x]}\n- {name: a, command: [y]}\n",
                "p.yaml:4: a second operator 'a'; the first is at line 3"},
        Refusal{
            "input_twice",
            "name: p\noperators:\n- {name: a, command: [x], outputs: [v]}\n- {name: b, command: [x], inputs: [v, v]}\n",
            "p.yaml:4: operator 'b' has the input 'v' twice"},
        Refusal{"output_twice", "name: p\noperators:\n- {name: a, command: [x], outputs: [v, v]}\n",
                "p.yaml:3: operator 'a' has the output 'v' twice"},
        Refusal{
            "two_producers",
            "name: p\noperators:\n- {name: a, command: [x], outputs: [v]}\n- {name: b, command: [x], outputs: [v]}\n",
            "p.yaml:4: 'v' is output by 'b' and by 'a' (line 3)"},
        Refusal{"input_of_nobody",
                "name: p\noperators:\n- {name: a, command: [x]}\n- {name: b, command: [x], inputs: [v]}\n",
                "p.yaml:4: nobody outputs 'v', an input of operator 'b'"},
        Refusal{"input_by_name_of_a_file",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, path: v.png}]}\n"
                "- {name: b, command: [x], inputs: [v]}\n",
                "p.yaml:4: operator 'b' takes 'v' by name, but 'a' writes it to a file (line 3)"},
        Refusal{"another_element_type_than_its_output",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, element-type: f32, "
                "shape: [4, 0]}]}\n"
                "- {name: b, command: [x], inputs: [{name: v, type: array, element-type: f64}]}\n",
                "p.yaml:4: operator 'b' declares its input 'v' as array float64, and 'a' its output as array float32 "
                "[4, 0] (line 3)"},
        Refusal{"another_shape_than_its_output",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [{name: v, type: array, element-type: f32, "
                "shape: [4, 0]}]}\n"
                "- {name: b, command: [x], inputs: [{name: v, type: array, element-type: f32, shape: [5, 6]}]}\n",
                "p.yaml:4: operator 'b' declares its input 'v' as array float32 [5, 6], and 'a' its output as array "
                "float32 [4, 0] (line 3)"},
        Refusal{"own_output", "name: p\noperators:\n- {name: a, command: [x], inputs: [v], outputs: [v]}\n",
                "p.yaml:3: a cycle: a waits for a"},
        Refusal{"a_cycle",
                "name: p\noperators:\n- {name: a, command: [x], outputs: [u], inputs: [w]}\n"
                "- {name: b, command: [x], inputs: [u], outputs: [v]}\n"
                "- {name: c, command: [x], inputs: [v], outputs: [w]}\n",
                "p.yaml:4: a cycle: a waits for c waits for b waits for a"}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace fastio::cli
