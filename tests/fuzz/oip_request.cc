// A job's input as a request of the Open Inference Protocol.
#include <array>

#include "tests/fuzz/fuzz.h"
#include "worker/backends/oip/infer_body.h"
#include "worker/backends/oip/infer_job.h"

namespace millrace::fuzz {

namespace oip = backends::oip;

void read(std::string_view input) {
    const auto key = oip::infer_key(input);
    const auto job = oip::parse_infer_job(input);
    if (!job.has_value()) return;
    expect(key == oip::infer_key(*job));
    for (const auto& tensor : job->inputs) {
        const auto count = oip::element_count(tensor.shape);
        expect(count && oip::count_elements(tensor.datatype, tensor.bytes) == count);
    }
    // A server that answers with what it was sent is understood.
    const std::array jobs{&*job};
    for (const bool binary : {false, true}) {
        static_cast<void>(oip::make_infer_body(jobs, binary, "id"));
    }
}

}  // namespace millrace::fuzz
