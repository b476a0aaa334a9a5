// The members of a client's JSON object, by name, with an exact complaint about each invalid one.
//
// `param` of a problem is the path of the field ("jobs[3].policy.ttl"). A null field counts as
// absent.
//
// Threads: values. They borrow the text that the object views.
#pragma once

#include <boost/system/result.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/json/json_view.h"
#include "common/storage/records.h"
#include "producer/api/codec/advice.h"
#include "producer/server/problems.h"

namespace millrace::api::codec {

using json_text::JsonKind;
using json_text::JsonMember;
using json_text::JsonView;

template <class T>
using Decoded = boost::system::result<T, server::Problem>;

// [[noreturn]]: argument-dependent lookup finds this when `.value()` meets a problem.
[[noreturn]] void throw_exception_from_error(const server::Problem& problem,
                                             const boost::source_location& location);

class JsonFields {
 public:
    // Returns a problem if a name is unknown or occurs twice; `advice` covers some of the unknown
    // ones. Requires: the view is an object.
    static Decoded<JsonFields> of(const JsonView& object, std::string path,
                                  std::span<const std::string_view> known,
                                  std::span<const NameAdvice> advice = {});

    std::string path(std::string_view name) const;

    // Returns null if the member is absent or null.
    const JsonView* find(std::string_view name) const;
    bool has_null(std::string_view name) const;
    Decoded<JsonView> require(std::string_view name, std::string_view wanted) const;

    Decoded<std::optional<std::string>> string(std::string_view name,
                                               std::string_view wanted) const;
    Decoded<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least,
                                                 std::int64_t most) const;
    // Takes Unix seconds or RFC 3339 (time_values.h).
    Decoded<std::optional<storage::DbTime>> time(std::string_view name) const;
    // Takes seconds as an integer, or text such as "30s"; more than 0, at most `most`.
    Decoded<std::optional<milliseconds>> duration(std::string_view name, milliseconds most) const;

 private:
    JsonFields(std::string path, std::vector<JsonMember> members)
        : path_(std::move(path)), members_(std::move(members)) {}

    std::string path_;
    std::vector<JsonMember> members_;
};

std::string join_path(std::string_view parent, std::string_view name);

// A client's text for a message, shortened if it is long.
std::string shown(std::string_view text);

// "`input` is a string; send an object."
server::Problem wrong_type(const std::string& path, const JsonView& value, std::string_view wanted);
// "`policy.ttl` is 0; send …"
server::Problem wrong_value(const std::string& path, const JsonView& value,
                            std::string_view wanted);
server::Problem sent_twice(const std::string& path);

}  // namespace millrace::api::codec
