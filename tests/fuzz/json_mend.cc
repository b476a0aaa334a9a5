// Makes the JSON of servers and programs fit to be stored: what comes out is JSON for everybody.
#include <nlohmann/json.hpp>

#include "common/json/json_syntax.h"
#include "common/json/mend.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/bounded_json.h"
#include "worker/backends/usage.h"

namespace millrace::fuzz {

using json_text::mend;
using json_text::NotANumber;

void read(std::string_view input) {
    constexpr int kDepthMax = 60;
    for (const auto rule : {NotANumber::kRefuse, NotANumber::kQuote}) {
        const auto mended = mend(input, {.depth_max = kDepthMax, .not_a_number = rule});
        if (!mended.has_value()) {
            expect(is_storable(mended.error().message));
            if (rule == NotANumber::kRefuse)
                expect(json_text::check_json(input, kDepthMax).has_value());
            continue;
        }
        expect(is_storable(*mended) && nlohmann::json::accept(*mended));
        const auto again = mend(*mended, {.depth_max = kDepthMax, .not_a_number = rule});
        expect(again.has_value() && *again == *mended);
        if (!json_text::check_json(input, kDepthMax)) {
            expect(nlohmann::json::parse(*mended) == nlohmann::json::parse(input));
        }
    }
    static_cast<void>(backends::parse_bounded(input));
    static_cast<void>(backends::parse_ordered(input));
    static_cast<void>(backends::parse_mended(input, NotANumber::kQuote));
    static_cast<void>(backends::parse_usage(input));
}

}  // namespace millrace::fuzz
