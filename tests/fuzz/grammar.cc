// What a job asks its answer to be: a grammar in GBNF or a JSON schema.
#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzz.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/llama/gbnf.h"
#include "worker/backends/llama/json_schema_grammar.h"

namespace millrace::fuzz {

namespace llama = backends::llama;

void read(std::string_view input) {
    static_cast<void>(llama::check_gbnf(input));
    const auto schema = backends::parse_ordered(input);
    if (schema.is_discarded()) return;
    const auto grammar = llama::grammar_of_schema(schema);
    // The bounds of a grammar are not those of a schema; whatever is written must be well formed.
    if (grammar.has_value() && grammar->size() <= llama::kGrammarBytesMax) {
        static_cast<void>(llama::check_gbnf(*grammar));
    }
}

}  // namespace millrace::fuzz
