// The audit log's lines: who did what, from where, and how it ended; each carries the SHA-256 of the line before it, so
// that nobody changes or removes one unseen without writing all that follow anew. Pure. Files are audit_file.h's.
//
//   ChainEnd end;                                        // of an empty log
//   std::string text = audit_line(entry, end) + "\n";    // numbered and chained; `end` is now the new line's
//   ...
//   ChainCheck check;
//   check.take(line, "audit.jsonl, line 1"); ...         // check.breaks() says where it does not fit
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"

namespace medsynth::api {

// One line. Stored: frozen. Never a claim's text, a token or a query string.
struct AuditEntry {
  std::int64_t number = 0;  // from 1
  std::string time;         // rfc3339()
  std::string action;       // a route's name ("cancel_task"), or kKeysCreate and the like below
  std::string target;       // the path's parameters: a task, a queue, a model; a key's name
  std::int64_t status = 0;  // as HTTP answers; of local commands as it would
  std::string code;         // of a refusal, as in its problem
  std::string key;          // its id, which may be one that was refused
  std::string name;         // of the key that was accepted
  std::string from;         // an address; "uid 1000" of a local command
  std::string request_id;
  std::string detail;
  std::string previous;  // sha256_hex() of the line before, without its line break
};
BOOST_DESCRIBE_STRUCT(AuditEntry, (),
                      (number, time, action, target, status, code, key, name, from, request_id, detail,
                       previous))

// Actions that are no calls.
inline constexpr std::string_view kKeysCreate = "keys_create", kKeysRevoke = "keys_revoke";
inline constexpr std::string_view kServeStarted = "serve_started";
// The line before was cut off while it was written: the machine or the process ended.
inline constexpr std::string_view kLineCut = "line_cut";
// So many refusals (`detail`) were not recorded, since more came than could be written.
inline constexpr std::string_view kEntriesLost = "entries_lost";

// Text from outside as it goes into a line: at most 256 bytes, and nothing that looks like a key's token.
std::string audit_text(std::string_view text);

// Where a log ends.
struct ChainEnd {
  std::int64_t number = 0;
  std::string hash = std::string(64, '0');  // of its last line
};
// The line, numbered and chained; without a line break.
std::string audit_line(AuditEntry entry, ChainEnd& end);
// nullopt: it is no whole line of an audit log.
std::optional<AuditEntry> read_audit_line(std::string_view line);

// Reads a log from its beginning.
class ChainCheck {
 public:
  // `expected`: the hash of a line that must be there, as it was noted down elsewhere; "": none.
  explicit ChainCheck(std::string expected = "") : expected_(std::move(expected)) {}

  struct Break {
    std::string where;  // "audit.jsonl, line 7"
    std::string what;
  };
  // A line, without its line break.
  void take(std::string_view line, std::string where);
  // There is no more; `is_cut`: the last line has no line break.
  void end(bool is_cut);
  void add_break(std::string where, std::string what);

  const std::vector<Break>& breaks() const { return breaks_; }  // the first 100
  std::int64_t entries() const { return entries_; }
  std::int64_t first() const { return first_; }  // the number of the first one; 0: there is none
  std::int64_t cut() const { return cut_; }      // lines that were cut off and are marked as such
  const ChainEnd& last() const { return last_; }

 private:
  void check(const AuditEntry& entry, const std::string& where);

  const std::string expected_;
  bool found_expected_ = false;
  std::vector<Break> breaks_;
  std::int64_t entries_ = 0, first_ = 0, cut_ = 0;
  ChainEnd last_;
  std::string unread_;  // where the line before is, if that is no entry
};

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::AuditEntry> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "number", .minimum = 1},
                                     Field{.name = "previous", .min_size = 64, .max_size = 64}};
};
