// Server-sent events, whole and in pieces.
#include <vector>

#include "common/http/sse_parser.h"
#include "tests/fuzz/fuzz.h"

namespace millrace::fuzz {

void read(std::string_view input) {
    constexpr std::size_t kEventBytesMax = 512;
    http::SseParser whole(kEventBytesMax);
    http::SseParser cut(kEventBytesMax);
    std::vector<http::ServerEvent> events;
    std::vector<http::ServerEvent> events_in_pieces;
    const bool fits = whole.feed(input, events);
    bool fits_in_pieces = true;
    in_pieces(input, static_cast<unsigned>(input.size()), [&](std::string_view piece) {
        fits_in_pieces = fits_in_pieces && cut.feed(piece, events_in_pieces);
    });
    expect(fits == fits_in_pieces && events == events_in_pieces);
    for (const auto& event : events) expect(event.data.size() <= kEventBytesMax);
    if (fits) expect(whole.rest() == cut.rest());
}

}  // namespace millrace::fuzz
