// Bytes as they come -> texts in UTF-8 with line feeds. Internal to this room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/references/references.h"

namespace medsynth::references {

struct File {
  std::string name;  // in the archive; empty where there is none
  std::string bytes;
};

// The files in a gzip or zip, or the bytes themselves. invalid_argument: damaged, encrypted, empty; with
// the reason "payload_too_large": more than `max_bytes`.
Result<std::vector<File>> unpack(std::string_view bytes, std::size_t max_bytes = kMaxBytes);

// UTF-8 without a byte order mark (a line that is no UTF-8 is taken for Windows-1252, UTF-16 goes by its mark), all
// line ends as "\n", no NUL.
std::string to_text(std::string_view bytes);

}  // namespace medsynth::references
