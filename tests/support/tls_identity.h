// A private CA and a certificate from it for 127.0.0.1, created again each time: for https servers
// in tests.
//
// Errors:    CHECK, because a test cannot continue.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace millrace::test {

class TlsIdentity {
 public:
    TlsIdentity();

    // The CA's certificate, for ca_file.
    const std::string& ca_pem() const { return ca_pem_; }
    // For SSL_new(); lives as long as this.
    SSL_CTX* context() const { return context_.get(); }

 private:
    std::string ca_pem_;
    std::shared_ptr<SSL_CTX> context_;
};

}  // namespace millrace::test
