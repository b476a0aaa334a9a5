// Writes the pages that are generated from tables in the code: `generate-docs FOLDER`.
#include <fstream>
#include <iostream>
#include <string>

#include "common/config/describe.h"
#include "common/telemetry/catalogue.h"

namespace {

bool write(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) std::cerr << "generate-docs: cannot write " << path << '\n';
    return !file.fail();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: generate-docs FOLDER\n";
        return 2;
    }
    const std::string folder = argv[1];
    const bool written =
        write(folder + "/configuration.md", millrace::config::configuration_markdown()) &&
        write(folder + "/metrics.md", millrace::telemetry::metrics_markdown());
    return written ? 0 : 1;
}
