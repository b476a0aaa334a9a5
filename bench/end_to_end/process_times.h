// Processor time of this process and its descendants by the name of the program: which program pays
// how much for a job.
#pragma once

#include <map>
#include <string>

namespace millrace::bench {

// Seconds up to now, user and system together. Processes that have ended are not counted.
std::map<std::string, double> cpu_seconds_by_program();

}  // namespace millrace::bench
