#include "tests/support/tls_identity.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>

#include "common/base/check.h"

namespace millrace::test {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

constexpr long kDaySeconds = 24 * 60 * 60;

Key make_key() {
    return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

void add_extension(X509* certificate, int what, const char* value) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    CHECK(extension != nullptr);
    CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

// `issuer` null: self-signed.
Certificate make_certificate(const std::string& name, const Key& key, X509* issuer,
                             const Key& signer) {
    const Certificate certificate(X509_new(), &X509_free);
    auto* x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), issuer == nullptr ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(x509), -kDaySeconds);
    X509_gmtime_adj(X509_getm_notAfter(x509), kDaySeconds);
    X509_set_pubkey(x509, key.get());
    auto* subject = X509_get_subject_name(x509);
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    CHECK(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1);
    X509_set_issuer_name(x509, issuer == nullptr ? subject : X509_get_subject_name(issuer));
    if (issuer == nullptr) {
        add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(x509, NID_key_usage, "critical,keyCertSign");
    } else {
        add_extension(x509, NID_subject_alt_name, "IP:127.0.0.1");
    }
    CHECK(X509_sign(x509, signer.get(), EVP_sha256()) > 0);
    return certificate;
}

std::string pem_of(X509* certificate) {
    const std::shared_ptr<BIO> memory(BIO_new(BIO_s_mem()), &BIO_free);
    CHECK(PEM_write_bio_X509(memory.get(), certificate) == 1);
    char* text = nullptr;
    const auto size = BIO_get_mem_data(memory.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

}  // namespace

TlsIdentity::TlsIdentity() : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    const auto ca_key = make_key();
    // A unique name, because another certificate of the same name would be tried as the issuer.
    static std::atomic<int> count = 0;
    const auto ca = make_certificate("CA " + std::to_string(++count), ca_key, nullptr, ca_key);
    ca_pem_ = pem_of(ca.get());
    const auto key = make_key();
    const auto certificate = make_certificate("a server", key, ca.get(), ca_key);
    CHECK(SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
}

}  // namespace millrace::test
