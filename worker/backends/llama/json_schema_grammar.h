// A JSON schema as a grammar in GBNF, llama.cpp's notation: what the grammar lets through is a
// document that fits the schema.
//
// What is known: type (one or several), properties, required, additionalProperties, items,
// minItems, maxItems, enum, const, anyOf, oneOf (any of them will do), allOf of one, minLength,
// maxLength, format (date, time, date-time, uuid), $ref within the document, and what only
// describes. Properties come in the schema's order; those that it does not name are not made where
// it names some. Anything else is refused rather than ignored.
//
// Errors:    kInvalidArgument; the message names the keyword and where it stands.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "common/base/result.h"

namespace millrace::worker {

Result<std::string> grammar_of_schema(const nlohmann::ordered_json& schema);

}  // namespace millrace::worker
