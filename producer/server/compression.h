// gzip and deflate for the bodies of requests and answers.
//
// A compressed body may expand a thousandfold, so it is inflated in steps, and memory is reserved
// before each. An answer is compressed in steps too, so that a large one does not hold up the other
// connections of its thread.
//
// Threads: values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::server {

// Smaller answers are sent uncompressed: compression would hardly shorten them.
constexpr std::size_t kCompressBytesMin = 1024;

// What an Accept-Encoding field (RFC 9110, section 12.5.3) says about gzip.
struct AcceptedCoding {
    bool gzip = false;
    bool plain = true;  // False: the client does not accept plain bytes, however few.
};
AcceptedCoding accepted_coding(std::string_view accept_encoding);

// Whether a request's Content-Encoding is absent, known to inflate(), or unknown.
enum class BodyCoding { kNone, kKnown, kUnknown };
BodyCoding body_coding(std::string_view content_encoding);

enum class InflateFault { kMalformed, kTooLarge, kNoRoom };

// Decodes `compressed` into `body`. `reserve` is called before each step of the output and may
// refuse it (kNoRoom). Requires: the coding is known.
std::optional<InflateFault> inflate(std::string_view content_encoding, std::string_view compressed,
                                    std::size_t bytes_max,
                                    const std::function<bool(std::size_t)>& reserve,
                                    std::string& body);

// Compresses a body with gzip.
class Deflater {
 public:
    explicit Deflater(std::string body);
    ~Deflater();
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    // Works for about two milliseconds. Returns true once the result is complete.
    bool step();
    std::string& result() { return result_; }

 private:
    struct Stream;
    const std::unique_ptr<Stream> stream_;
    std::string body_;
    std::size_t taken_ = 0;
    std::string result_;
};

}  // namespace millrace::server
