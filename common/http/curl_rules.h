// What every request of ours has in common, whoever sends it: which way it takes, and whose
// certificates it trusts. The one place for these rules: the command line's client and the requests
// to model servers both obey them.
//
//   proxies        those of the environment, as curl reads it (http_proxy in lower case only,
//                  https_proxy, all_proxy, no_proxy). Never to this machine itself.
//   certificates   those of `ca_file` where one is given; else of the environment's SSL_CERT_FILE
//                  and SSL_CERT_DIR, as OpenSSL reads them; else of CURL_CA_BUNDLE; else the
//                  system's.
//
// Threads:   any; the environment is read, and must not change meanwhile.
#pragma once

#include <curl/curl.h>

#include <string>

#include "common/base/check.h"
#include "common/base/result.h"

namespace millrace::http {

// Whether the URL's host is this machine by its very name: localhost and what ends in .localhost,
// 127.0.0.0/8, ::1, and the addresses that stand for "here", 0.0.0.0 and ::. Names are not looked
// up.
bool is_loopback(const std::string& url);

// For options that cannot fail but by a mistake of ours.
template <class Value>
void set_option(CURL* handle, CURLoption option, Value value) {
    CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

// Makes the handle obey the rules for `url`, which it was given already.
void obey_rules(CURL* handle, const std::string& url, const std::string& ca_file = {});

// kInvalidArgument where the file cannot be read or has no certificate in PEM form; `setting` is
// named in the message. An empty path is right: it stands for no file.
Status check_ca_file(const std::string& setting, const std::string& path);

// Curl's words for why no answer came, and what to look at where curl's words alone do not say.
std::string reason_of(CURLcode code);

}  // namespace millrace::http
