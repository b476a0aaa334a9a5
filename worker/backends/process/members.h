// The members of a message, found before the message is known to be JSON: one faulty value, or an
// end that was cut off, must not hide which item the message is about.
//
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::backends::process {

struct Member {
    std::string name;
    std::string_view value;  // As it came, without the space around it.
};

// The members of the object in `text`, in their order, found by quotes and brackets alone; their
// values are not mended yet (common/json/mend.h). A value that does not end extends to the end of
// the text. Empty if the text is not an object.
std::vector<Member> members(std::string_view text);

// The value of the last member of that name, as most readers take it; empty if there is none.
std::string_view find(const std::vector<Member>& members, std::string_view name);

}  // namespace millrace::backends::process
