#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <exception>
#include <set>

#include "common/config/sources.h"
#include "common/config/value.h"

namespace millrace::config {
namespace {

constexpr int kDepthMax = 16;  // Names have three parts; deeper maps are refused.

class FileReader {
 public:
    explicit FileReader(const std::string& path) : path_(path) {}

    void read_map(const std::string& prefix, const YAML::Node& map, int depth) {
        for (const auto& entry : map) {
            const auto name = prefix + entry.first.as<std::string>();
            const auto& value = entry.second;
            if (value.IsMap() && depth < kDepthMax) {
                read_map(name + ".", value, depth + 1);
            } else if (value.IsScalar()) {
                add(name, value.Scalar(), entry.first);
            } else if (value.IsSequence()) {
                add(name, join(name, value), entry.first);
            } else {
                problem(entry.first, fmt::format("{} has no value", name));
            }
        }
    }

    void problem(const YAML::Node& at, const std::string& what) {
        reading_.problems.push_back(fmt::format("{} (from {})", what, origin(at.Mark())));
    }

    Reading take() { return std::move(reading_); }

 private:
    std::string origin(const YAML::Mark& mark) const {
        return fmt::format("file {}:{}", path_, mark.line + 1);
    }

    void add(const std::string& name, const std::string& text, const YAML::Node& at) {
        if (!seen_.insert(name).second) {
            problem(at, fmt::format("{} is set twice", name));
            return;
        }
        reading_.assignments.push_back({name, text, origin(at.Mark())});
    }

    std::string join(const std::string& name, const YAML::Node& sequence) {
        std::vector<std::string> entries;
        for (const auto& entry : sequence) {
            if (entry.IsScalar()) {
                entries.push_back(entry.Scalar());
            } else {
                problem(entry, fmt::format("{}: an entry must be a single text", name));
            }
        }
        return list_text(entries);
    }

    const std::string& path_;
    Reading reading_;
    std::set<std::string> seen_;
};

}  // namespace

Reading read_yaml_file(const std::string& path) {
    FileReader reader(path);
    try {
        const auto root = YAML::LoadFile(path);
        if (root.IsMap()) {
            reader.read_map("", root, 1);
        } else if (!root.IsNull()) {
            return {{}, {fmt::format("file {} does not hold settings as `name: value`", path)}};
        }
    } catch (const YAML::BadFile&) {
        return {{}, {fmt::format("file {} cannot be read", path)}};
    } catch (const std::exception& exception) {
        return {{}, {fmt::format("file {} is not valid YAML: {}", path, exception.what())}};
    }
    return reader.take();
}

}  // namespace millrace::config
