#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/wire/convert.h"
#include "common/wire/messages.h"
#include "common/wire/spec.h"
#include "millrace/v1/dispatch.pb.h"

namespace millrace::wire {

std::string encode(const Dispatch& dispatch) {
    v1::Dispatch message;
    message.set_job_id(id_bytes(dispatch.job.uuid()));
    if (dispatch.spec) to_proto(*dispatch.spec, *message.mutable_spec());
    return message.SerializeAsString();
}

// On the wire, a nested message is its bytes after their length, as a string is.
std::string encode_dispatch(const JobId& job, std::string_view encoded_spec) {
    using google::protobuf::internal::WireFormatLite;
    std::string out;
    out.reserve(encoded_spec.size() + 32);
    {
        google::protobuf::io::StringOutputStream stream(&out);
        google::protobuf::io::CodedOutputStream coded(&stream);
        WireFormatLite::WriteBytes(v1::Dispatch::kJobIdFieldNumber, id_bytes(job.uuid()), &coded);
        WireFormatLite::WriteTag(v1::Dispatch::kSpecFieldNumber,
                                 WireFormatLite::WIRETYPE_LENGTH_DELIMITED, &coded);
        coded.WriteVarint32(static_cast<std::uint32_t>(encoded_spec.size()));
        coded.WriteRaw(encoded_spec.data(), static_cast<int>(encoded_spec.size()));
    }
    return out;
}

Result<Dispatch> decode_dispatch(std::string_view bytes) {
    TRY(auto message, parse<v1::Dispatch>(bytes, "Dispatch"));
    Dispatch dispatch;
    TRY(dispatch.job, id_from<JobId>(message.job_id()));
    if (message.has_spec()) {
        TRY(dispatch.spec, from_proto(*message.mutable_spec()));
    }
    return dispatch;
}

}  // namespace millrace::wire
