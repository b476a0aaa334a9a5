// Converts a JSON schema to a grammar in GBNF, llama.cpp's notation. Every text that the grammar
// accepts is a document that fits the schema.
//
// Supported: type (one or several), properties, required, additionalProperties, items, minItems,
// maxItems, enum, const, anyOf, oneOf (treated as anyOf), allOf with one schema, minLength,
// maxLength, format (date, time, date-time, uuid), $ref within the document, and descriptive
// keywords. Properties come in the schema's order; if it names some, no others are generated.
// Anything else is refused rather than ignored.
//
// Errors:    kInvalidArgument; the message names the keyword and its place.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/base/result.h"

namespace millrace::backends::llama {

Result<std::string> grammar_of_schema(const nlohmann::ordered_json& schema);

}  // namespace millrace::backends::llama
