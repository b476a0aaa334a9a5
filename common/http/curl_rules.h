// Rules for every request, whoever sends it: which proxy it takes, and which certificates it
// trusts. This is the only place for these rules: both the command line's client and the requests
// to model servers follow them.
//
//   proxies        those of the environment, as curl reads it (http_proxy in lower case only,
//                  https_proxy, all_proxy, no_proxy). Never for this machine itself.
//   certificates   those of `ca_file` if one is given; else those of the environment's
//                  SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL reads them; else those of
//                  CURL_CA_BUNDLE; else the system's.
//
// Threads:   any; the environment is read and must not change meanwhile.
#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/base/result.h"

namespace millrace::http {

// Whether the URL's host is this machine by its name alone: localhost and names that end in
// .localhost, 127.0.0.0/8, ::1, and the unspecified addresses 0.0.0.0 and ::. Names are not looked
// up.
bool is_loopback(const std::string& url);

// For options that fail only through a mistake of ours.
template <class Value>
void set_option(CURL* handle, CURLoption option, Value value) {
    CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

// Applies the rules for `url`, which the handle already has.
void obey_rules(CURL* handle, const std::string& url, const std::string& ca_file = {});

// kInvalidArgument if the file cannot be read or has no certificate in PEM form; the message names
// `setting`. An empty path is valid: it means no file.
Status check_ca_file(const std::string& setting, const std::string& path);

// Curl's reason why the handle's last request had no answer, what to check if that alone does not
// help, and the proxy if one was taken. `ca_setting` is the setting that names certificates; empty
// if there is none.
std::string reason_of(CURL* handle, CURLcode code, std::string_view ca_setting = {});

}  // namespace millrace::http
