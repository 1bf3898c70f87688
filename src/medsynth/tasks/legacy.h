// Records that older Python versions stored as one JSON string: reading them, and what becomes of them as
// fields. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "medsynth/base/clock.h"
#include "medsynth/tasks/record.h"

namespace medsynth::tasks {

// The fields of the JSON object `text`, values untouched (integers of any size stay exact); of a name that
// comes twice the last. A value with what Python writes beyond JSON (NaN, Infinity, lone surrogates) is
// rewritten, these as null or U+FFFD. Conflict, reason "not_a_task_record", when it is no JSON object.
Result<Fields> split_legacy(std::string_view text);

// The same as this version keeps it: a known status (else pending), times in our format (else `now`), no
// field that means something else here.
struct Adopted {
  Fields fields;
  std::int64_t created_micros = 0;
};
Adopted adopt(Fields fields, WallTime now);

}  // namespace medsynth::tasks
