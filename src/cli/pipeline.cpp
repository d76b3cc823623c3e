#include "cli/pipeline.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "cli/pipeline_graph.hpp"
#include "cli/yaml_reader.hpp"

namespace fastio::cli {
namespace {

// An operator's name travels in a short field together with its process id; a pipeline's name becomes the job's, with
// a suffix.
constexpr std::size_t kMostNameBytes = 40;
constexpr std::size_t kMostEntryNameBytes = 255;
constexpr std::size_t kMostDimensions = 8;

std::string plain_name(const YamlReader& reader, const YAML::Node& node, std::string_view what) {
    std::string name = reader.text(node, what);
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    if (name.empty() || name.size() > kMostNameBytes || !std::all_of(name.begin(), name.end(), plain)) {
        refuse(reader.file(), place_of(node), "{} is '{}'; it takes 1 to {} letters, digits and - _ .", what, name,
               kMostNameBytes);
    }
    return name;
}

std::string entry_name(const YamlReader& reader, const YAML::Node& node, const std::string& what) {
    std::string name = reader.text(node, what);
    if (name.empty() || name.size() > kMostEntryNameBytes) {
        refuse(reader.file(), place_of(node), "{} has a name of {} bytes; a name has 1 to {}", what, name.size(),
               kMostEntryNameBytes);
    }
    return name;
}

// Clara's pipelines also write uint8 as u8, int8 as i8, float32 as f32, and so on.
std::string long_type_name(const std::string& name) {
    constexpr std::array<std::pair<char, std::string_view>, 3> kKinds{{{'u', "uint"}, {'i', "int"}, {'f', "float"}}};
    for (const auto& [letter, kind] : kKinds) {
        if (name.size() > 1 && name.front() == letter && name.find_first_not_of("0123456789", 1) == std::string::npos) {
            return fmt::format("{}{}", kind, name.substr(1));
        }
    }
    return name;
}

void read_type(const YamlReader& reader, const YAML::Node& node, const std::string& what, Entry& entry) {
    if (const YAML::Node type = node["type"]) {
        const std::string name = reader.text(type, "the type of " + what);
        entry.type = long_type_name(name);
        if (entry.type != "array" && entry.type != "string" && !parse_data_type(entry.type)) {
            refuse(reader.file(), place_of(type),
                   "{} has the unknown type '{}'; it is array, string, or a type such "
                   "as float32",
                   what, name);
        }
    }
    const YAML::Node element_type = node["element-type"];
    const YAML::Node shape = node["shape"];
    if ((element_type || shape) && entry.type != "array") {
        refuse(reader.file(), place_of(element_type ? element_type : shape),
               "{} has {} and not the type array, which alone takes it", what, element_type ? "element-type" : "shape");
    }
    if (element_type) {
        const std::string name = reader.text(element_type, "the element-type of " + what);
        entry.element_type = parse_data_type(long_type_name(name));
        if (!entry.element_type) {
            refuse(reader.file(), place_of(element_type),
                   "{} has the unknown element-type '{}'; it is a type such as "
                   "float32",
                   what, name);
        }
    }
    if (!shape) {
        return;
    }
    reader.expect_list(shape, "the shape of " + what);
    if (shape.size() > kMostDimensions) {
        refuse(reader.file(), place_of(shape), "{} has {} dimensions; at most {} are possible", what, shape.size(),
               kMostDimensions);
    }
    entry.shape.emplace();
    for (const YAML::Node& extent : shape) {
        entry.shape->push_back(reader.integer(extent, "the shape of " + what));
        if (entry.shape->back() < -1) {
            refuse(reader.file(), place_of(extent),
                   "{} has the extent {}; it is a count of elements, or 0 or -1 for "
                   "one that is known later",
                   what, entry.shape->back());
        }
    }
}

Entry read_entry(const YamlReader& reader, const YAML::Node& node, const std::string& owner) {
    Entry entry;
    entry.place = place_of(node);
    if (node.IsScalar()) {
        entry.name = entry_name(reader, node, owner);
        return entry;
    }
    reader.expect_map(node, owner, {"name", "path", "type", "element-type", "shape"});
    entry.name = entry_name(reader, reader.required(node, "name", owner), owner);
    const std::string what = fmt::format("{} '{}'", owner, entry.name);
    if (const YAML::Node path = node["path"]) {
        entry.path = reader.text(path, "the path of " + what);
        if (entry.path.empty()) {
            refuse(reader.file(), place_of(path), "{} has an empty path", what);
        }
    }
    read_type(reader, node, what, entry);
    return entry;
}

std::vector<Entry> read_entries(const YamlReader& reader, const YAML::Node& node, const char* key,
                                const std::string& owner) {
    std::vector<Entry> entries;
    const YAML::Node list = node[key];
    if (!list || list.IsNull()) {
        return entries;
    }
    reader.expect_list(list, fmt::format("{} of {}", key, owner));
    const std::string what = fmt::format("an {} of {}", key == std::string_view("inputs") ? "input" : "output", owner);
    for (const YAML::Node& item : list) {
        entries.push_back(read_entry(reader, item, what));
    }
    return entries;
}

Operator read_operator(const YamlReader& reader, const YAML::Node& node) {
    Operator op;
    op.place = place_of(node);
    reader.expect_map(node, "an operator", {"name", "command", "inputs", "outputs"});
    op.name = plain_name(reader, reader.required(node, "name", "an operator"), "an operator's name");
    const std::string what = fmt::format("operator '{}'", op.name);
    const YAML::Node command = reader.required(node, "command", what);
    op.command_place = place_of(command);
    reader.expect_list(command, fmt::format("the command of {}", what));
    for (const YAML::Node& word : command) {
        op.command.push_back(reader.text(word, fmt::format("a word of the command of {}", what)));
    }
    if (op.command.empty() || op.command.front().empty()) {
        refuse(reader.file(), op.command_place, "{} has an empty command; it takes a program and its arguments", what);
    }
    op.inputs = read_entries(reader, node, "inputs", what);
    op.outputs = read_entries(reader, node, "outputs", what);
    return op;
}

}  // namespace

Pipeline parse_pipeline(const std::string& text, const std::filesystem::path& file) {
    YAML::Node root;
    try {
        root = YAML::Load(text);
    } catch (const YAML::Exception& error) {
        fail(Errc::corrupt_input, "{}:{}: not YAML: {}", file.string(), error.mark.is_null() ? 1 : error.mark.line + 1,
             error.msg);
    }
    const YamlReader reader(file);
    Pipeline pipeline;
    pipeline.file = file;
    if (!root || root.IsNull()) {
        refuse(file, {1}, "the file is empty; a pipeline has a name and a list of operators");
    }
    reader.expect_map(root, "a pipeline", {"name", "operators"});
    pipeline.name = plain_name(reader, reader.required(root, "name", "the pipeline"), "the pipeline's name");
    const YAML::Node operators = reader.required(root, "operators", "the pipeline");
    if (operators.IsNull() || (operators.IsSequence() && operators.size() == 0)) {
        // What is empty has no place of its own.
        refuse(file, reader.place_of_key(root, "operators"), "the pipeline has no operators");
    }
    reader.expect_list(operators, "operators");
    for (const YAML::Node& node : operators) {
        pipeline.operators.push_back(read_operator(reader, node));
    }
    check_graph(pipeline);
    return pipeline;
}

Pipeline load_pipeline(const std::filesystem::path& file) {
    // Opening a folder works; only reading it fails.
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(file, ignored);
    std::ifstream in(file, std::ios::binary);
    if (is_folder || !in.is_open()) {
        fail(Errc::io_error, "cannot read the pipeline file {}: {}", file.string(),
             is_folder ? "it is a folder" : os_error());
    }
    const std::string text(std::istreambuf_iterator<char>(in), {});
    return parse_pipeline(text, file);
}

}  // namespace fastio::cli
