// What clients write in paths, query strings and header fields.
#include <string>

#include "common/base/uuid.h"
#include "producer/api/codec/idempotency.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/codec/time_values.h"
#include "producer/api/output_text.h"
#include "producer/server/compression.h"
#include "producer/server/header_values.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {

namespace codec = api::codec;

void read(std::string_view input) {
    static const codec::ApiOptions kOptions;
    if (const auto parameters = server::parse_query(input)) {
        for (const auto& [name, value] : *parameters) {
            expect(is_storable(name) && is_storable(value));
        }
    }
    if (const auto filter = codec::decode_list_query(input, kOptions); filter.has_value()) {
        expect(filter->limit >= 1 && filter->limit <= kOptions.page_size_max);
    }
    static_cast<void>(codec::decode_include(input));
    static_cast<void>(codec::decode_worker_query(input));
    static_cast<void>(codec::decode_no_query(input));
    static_cast<void>(codec::is_client_id(input));
    if (const auto id = JobId::parse(input)) expect(JobId::parse(id->str()) == id);
    if (const auto cursor = api::TextCursor::parse(input)) {
        const auto again = api::TextCursor::parse(cursor->str());
        expect(again && again->str() == cursor->str());
    }
    if (!codec::parse_time(input)) static_cast<void>(codec::time_advice(input));
    static_cast<void>(codec::duration_advice(input));
    if (const auto key = server::parse_idempotency_key(input, 64)) {
        expect(!key->empty() && key->size() <= 64);
    }
    if (const auto wait = server::prefer_wait(input)) expect(wait->count() >= 0);
    for (const auto& [name, quality] : server::qualities(input)) {
        expect(!name.empty() && quality >= 0 && quality <= 1);
    }
    static_cast<void>(server::etag_matches(input, "W/\"1-2\""));
    static_cast<void>(server::accepted_coding(input));
    static_cast<void>(server::body_coding(input));
    static_cast<void>(server::is_json_media_type(input));
    static_cast<void>(server::is_default_media_type(input));
}

}  // namespace millrace::fuzz
