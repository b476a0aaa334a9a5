// Text of any bytes, made fit to be stored; and base64.
#include <string>

#include "tests/fuzz/fuzz.h"
#include "worker/backends/oip/base64.h"
#include "worker/backends/serving/server_text.h"

namespace millrace::fuzz {

void read(std::string_view input) {
    const auto mended = storable(std::string(input));
    expect(is_storable(mended) && (mended == input) == is_storable(input));
    std::string bytes;
    std::string text;
    in_pieces(input, static_cast<unsigned>(input.size()), [&](std::string_view piece) {
        bytes += piece;
        take_whole_characters(bytes, text);
        expect(bytes.size() <= 3 && is_text_of_model(text));
    });
    expect(storable(text + bytes) == mended);
    for (std::size_t most = 0; most < 8; ++most) {
        const auto cut = beginning(mended, most);
        expect(cut.size() <= most && is_storable(cut));
    }
    expect(is_storable(backends::serving::one_line(input)));
    expect(is_storable(backends::serving::title_or_all(input)));
    namespace oip = backends::oip;
    if (const auto decoded = oip::from_base64(input)) expect(oip::to_base64(*decoded) == input);
    expect(oip::from_base64(oip::to_base64(input)) == input);
}

}  // namespace millrace::fuzz
