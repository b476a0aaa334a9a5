// A private CA and a certificate of its making for 127.0.0.1, made anew each time: for servers in
// tests that speak https.
//
// Errors:    CHECK, because a test cannot go on.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace millrace::worker {

class TlsIdentity {
 public:
    TlsIdentity();

    // The CA's certificate, as ca_file takes it.
    const std::string& ca_pem() const { return ca_pem_; }
    // For SSL_new(); lives as long as this.
    SSL_CTX* context() const { return context_.get(); }

 private:
    std::string ca_pem_;
    std::shared_ptr<SSL_CTX> context_;
};

}  // namespace millrace::worker
