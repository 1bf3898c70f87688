// What a process of the chaos test saw: lines of JSON in $CHAOS_DIR/history/PID.jsonl, each written by one
// system call, so that a killed process leaves all that it said. Thread safe.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

namespace medsynth::chaos {

// `what`: start, end, fail, stopped, abort. Time and process are added; the time is the machine's monotonic
// clock, the same for all processes.
void note(std::string_view what, boost::json::object about);

// Ends the process as an assertion would, and says so first.
[[noreturn]] void abort_here(std::string_view where);

}  // namespace medsynth::chaos
