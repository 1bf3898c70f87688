// systemd's journal, whose entries have fields. Thread safe (immutable). Source: systemd.io/JOURNAL_NATIVE_PROTOCOL.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "medsynth/base/descriptor.h"

namespace medsynth {

// Whether `descriptor` leads to the journal: `stream` is what JOURNAL_STREAM says, "device:inode".
bool leads_to_journal(std::string_view stream, int descriptor);

// Adds a field to an entry. `name` becomes one of the journal's: capitals, digits and underscores. `value` may be any bytes.
void add_journal_field(std::string& entry, std::string_view name, std::string_view value);

class Journal {
 public:
  explicit Journal(const std::filesystem::path& socket = "/run/systemd/journal/socket");

  // False where the journal did not take it: it is away, does not keep up, or the entry is too large for one datagram.
  bool send(std::string_view entry) const;

 private:
  Descriptor descriptor_;
};

}  // namespace medsynth
