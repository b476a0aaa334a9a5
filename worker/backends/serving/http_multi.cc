#include "worker/backends/serving/http_multi.h"

#include "common/base/check.h"

namespace millrace::backends::serving {

HttpMulti::HttpMulti(std::size_t connections_max) : multi_(curl_multi_init()) {
    CHECK(multi_);
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(connections_max));
}

void HttpMulti::start(HttpCall& call) {
    CHECK(curl_multi_add_handle(multi_.get(), call.handle()) == CURLM_OK);
}

void HttpMulti::stop(HttpCall& call) {
    curl_multi_remove_handle(multi_.get(), call.handle());
}

void HttpMulti::step() {
    int count = 0;
    curl_multi_perform(multi_.get(), &count);
    while (const auto* message = curl_multi_info_read(multi_.get(), &count)) {
        if (message->msg != CURLMSG_DONE) continue;
        // Removing the handle destroys the message.
        const auto code = message->data.result;
        char* pointer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
        auto& call = *reinterpret_cast<HttpCall*>(pointer);
        stop(call);
        call.end(code);
    }
}

void HttpMulti::wait(milliseconds timeout) {
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(timeout.count()), nullptr);
}

void HttpMulti::wakeup() {
    curl_multi_wakeup(multi_.get());
}

}  // namespace millrace::backends::serving
