#include "common/http/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/http/curl_rules.h"

namespace millrace::http {
namespace {

struct HeaderList {
    curl_slist* list = nullptr;

    HeaderList() = default;
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;
    ~HeaderList() { curl_slist_free_all(list); }

    void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

struct Transfer {
    Response response;
    const OnData* on_data = nullptr;
    bool stopped = false;
    std::size_t answer_bytes_max = 0;
    bool is_too_long = false;
    milliseconds silence_max{0};
    MonoTime last_bytes = system_clock().now();
    bool was_silent = false;
};

size_t on_header(char* data, size_t, size_t size, void* user) {
    auto& response = static_cast<Transfer*>(user)->response;
    const std::string_view line(data, size);
    const auto colon = line.find(':');
    if (line.starts_with("HTTP/")) {
        response.headers.clear();  // An interim answer (100) came first.
    } else if (colon != std::string_view::npos) {
        response.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
    return size;
}

size_t on_body(char* data, size_t, size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view piece(data, size);
    transfer.last_bytes = system_clock().now();
    if (transfer.on_data == nullptr || transfer.response.status / 100 != 2) {
        const auto room = transfer.answer_bytes_max - transfer.response.body.size();
        transfer.is_too_long = piece.size() > room;
        if (transfer.is_too_long) return 0;
        transfer.response.body += piece;
        return size;
    }
    if ((*transfer.on_data)(piece)) return size;
    transfer.stopped = true;
    return 0;
}

// Called about once a second; anything but 0 ends the transfer.
int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.was_silent = system_clock().now() - transfer.last_bytes > transfer.silence_max;
    return transfer.was_silent ? 1 : 0;
}

// The status is needed while the body streams, before curl_easy_perform returns.
size_t on_header_with_status(char* data, size_t unit, size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(data, size);
    const auto space = line.find(' ');
    if (line.starts_with("HTTP/") && space != std::string_view::npos) {
        transfer.response.status = std::atoi(std::string(line.substr(space + 1, 3)).c_str());
    }
    return on_header(data, unit, size, user);
}

Error transfer_error(CURL* curl, CURLcode code, const Transfer& transfer) {
    if (transfer.stopped) return {ErrorCode::kCancelled, "the transfer was stopped"};
    if (transfer.is_too_long) {
        return {ErrorCode::kUnavailable, "the answer is longer than " +
                                             std::to_string(transfer.answer_bytes_max) + " bytes"};
    }
    if (code == CURLE_OPERATION_TIMEDOUT || transfer.was_silent) {
        return {ErrorCode::kDeadlineExceeded, "the server did not answer in time"};
    }
    return {ErrorCode::kUnavailable, reason_of(curl, code)};
}

// Curl repeats a request by itself if a connection that it had open ends before the answer begins,
// although the server may have received the first one.
bool may_be_repeated(const Request& request) {
    constexpr std::string_view kKey = "idempotency-key:";
    if (request.method != "POST") return true;
    return std::ranges::any_of(request.headers, [&](const std::string& line) {
        return lower(line.substr(0, kKey.size())) == kKey;
    });
}

}  // namespace

struct Client::Handle {
    CURL* curl = nullptr;
};

Client::Client() : handle_(std::make_unique<Handle>()) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    CHECK(initialised == CURLE_OK);
    handle_->curl = curl_easy_init();
    CHECK(handle_->curl != nullptr);
}

Client::~Client() {
    curl_easy_cleanup(handle_->curl);
}

Result<Response> Client::send(const Request& request) {
    return stream(request, nullptr);
}

Result<Response> Client::stream(const Request& request, const OnData& on_data) {
    CURL* curl = handle_->curl;
    curl_easy_reset(curl);  // Keeps connections and the DNS cache.
    Transfer transfer;
    transfer.answer_bytes_max = request.answer_bytes_max;
    if (on_data) transfer.on_data = &on_data;

    HeaderList headers;
    for (const auto& line : request.headers) headers.add(line);
    headers.add("Expect:");  // No 100-continue round trip.
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    obey_rules(curl, request.url, request.ca_file);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, may_be_repeated(request) ? 0L : 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    if (request.silence_max.count() > 0) {
        transfer.silence_max = request.silence_max;
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header_with_status);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    if (request.method != "GET") {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
    }

    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) return transfer_error(curl, code, transfer);
    return std::move(transfer.response);
}

bool Client::has_reached_server() const {
    curl_off_t before_sending = 0;
    curl_easy_getinfo(handle_->curl, CURLINFO_PRETRANSFER_TIME_T, &before_sending);
    return before_sending > 0;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || std::string_view("-._~").find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += kHex[byte >> 4];
            encoded += kHex[byte & 15];
        }
    }
    return encoded;
}

}  // namespace millrace::http
