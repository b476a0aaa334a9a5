// Turns the pieces that a model generates into text that can be shown at once: whole UTF-8
// characters only, and nothing that may still turn out to be the start of a stop string.
//
// The results of append() and finish(), joined, are the whole output: the text up to the first stop
// string, with bytes that are not valid UTF-8 replaced by U+FFFD.
//
// Threads:   one caller at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::backends {

class TextStream {
 public:
    explicit TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {}

    // Returns the text that is certain by now; may be empty. Requires: !stopped().
    std::string append(std::string_view piece);
    // Returns the rest after the model has ended. Empty after a stop string.
    std::string finish();

    // Whether a stop string was reached; nothing follows it.
    bool stopped() const { return stopped_; }

 private:
    std::string release(bool all);

    std::vector<std::string> stops_;
    std::string bytes_;  // The start of an incomplete character.
    std::string held_;   // Complete characters that may be the start of a stop string.
    bool stopped_ = false;
};

}  // namespace millrace::backends
