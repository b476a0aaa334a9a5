#include "producer/service/submissions.h"

namespace millrace::service {

void throw_exception_from_error(const SubmitError& error, const boost::source_location&) {
    throw std::runtime_error(to_string(error.error));
}

}  // namespace millrace::service
