// gzip and deflate, for bodies of requests and of answers.
//
// What a client sends compressed may be a thousand times as large as it looks: it is inflated in
// steps, each of which has to be set aside first. An answer is compressed in steps too, so that a
// large one does not hold up the thread's other connections.
//
// Threads: values.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::api {

// Smaller answers are sent as they are: compressed they would hardly be shorter.
constexpr std::size_t kCompressBytesMin = 1024;

// What an Accept-Encoding field (RFC 9110, section 12.5.3) says about gzip.
struct AcceptedCoding {
    bool gzip = false;
    bool plain = true;  // False: the client asks not to be sent plain bytes, however few.
};
AcceptedCoding accepted_coding(std::string_view accept_encoding);

// Of a request's Content-Encoding: whether it is none, one that inflate() knows, or another.
enum class BodyCoding { kNone, kKnown, kUnknown };
BodyCoding body_coding(std::string_view content_encoding);

enum class InflateFault { kMalformed, kTooLarge, kNoRoom };

// The body without its coding. `reserve` is asked before each step of the output and may refuse
// (kNoRoom). Requires: the coding is known.
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

    // Works on for about two milliseconds; true once it is done.
    bool step();
    std::string& result() { return result_; }

 private:
    struct Stream;
    const std::unique_ptr<Stream> stream_;
    std::string body_;
    std::size_t taken_ = 0;
    std::string result_;
};

}  // namespace millrace::api
