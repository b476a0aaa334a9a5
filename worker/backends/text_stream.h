// Turns the pieces that a model generates into text that can be shown at once: whole UTF-8
// characters only, and nothing that may yet turn out to be the start of a stop string.
//
// What append() and finish() return, put together, is the whole output: text up to the first stop
// string, with bytes that are no UTF-8 replaced by U+FFFD.
//
// Threads:   one caller at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::worker {

class TextStream {
 public:
    explicit TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {}

    // The text that is certain by now; may be empty. Requires: !stopped().
    std::string append(std::string_view piece);
    // The rest, when the model has ended. Empty after a stop string.
    std::string finish();

    // A stop string was reached: nothing more comes.
    bool stopped() const { return stopped_; }

 private:
    std::string release(bool all);

    std::vector<std::string> stops_;
    std::string bytes_;  // The start of a character that is not whole yet.
    std::string held_;   // Whole characters that may be the start of a stop string.
    bool stopped_ = false;
};

}  // namespace millrace::worker
