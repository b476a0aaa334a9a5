// What a child process sends: frames, and the messages in them.
#include <string>
#include <vector>

#include "common/json/json_syntax.h"
#include "tests/fuzz/fuzz.h"
#include "worker/backends/process/frame.h"
#include "worker/backends/process/message.h"

namespace millrace::fuzz {
namespace {

namespace process = backends::process;

constexpr std::size_t kFrameBytesMax = 256;

void check(const process::Frame& frame) {
    const auto message = process::parse_message(frame);
    if (!message.has_value()) return;
    if (const auto* partial = std::get_if<process::PartialMessage>(&*message)) {
        expect(is_text_of_model(partial->text));
    } else if (const auto* progress = std::get_if<process::ProgressMessage>(&*message)) {
        expect(progress->fraction >= 0 && progress->fraction <= 1);
        expect(is_text_of_model(progress->message));
    } else if (const auto* end = std::get_if<process::EndMessage>(&*message)) {
        if (end->outcome.kind != OutcomeKind::kCompleted) {
            expect(!end->outcome.error_code.empty());
            return;
        }
        const auto fault = json_text::check_json(end->outcome.output_json, 500);
        expect(!fault || end->outcome.output_json.find("\\u0000") != std::string::npos);
    }
}

// The frames, as text that shows what was left out; "!" where reading ended.
std::string frames_of(process::FrameReader& reader) {
    std::string frames;
    for (;;) {
        const auto frame = reader.next();
        if (!frame.has_value()) return frames + "!";
        if (!*frame) return frames;
        check(**frame);
        frames += std::string((*frame)->json) + "/" + std::to_string((*frame)->left_out) + "\n";
    }
}

}  // namespace

void read(std::string_view input) {
    process::FrameReader whole(kFrameBytesMax);
    whole.append(input);
    const auto frames = frames_of(whole);
    process::FrameReader cut(kFrameBytesMax);
    std::string frames_in_pieces;
    in_pieces(input, static_cast<unsigned>(input.size()), [&](std::string_view piece) {
        if (frames_in_pieces.ends_with('!')) return;
        cut.append(piece);
        frames_in_pieces += frames_of(cut);
    });
    expect(frames == frames_in_pieces);
    check({.json = input});
    check({.json = input, .left_out = 1});
}

}  // namespace millrace::fuzz
