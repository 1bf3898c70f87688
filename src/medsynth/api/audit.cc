#include "medsynth/api/audit.h"

#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/text.h"

namespace medsynth::api {
namespace {

constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxBreaks = 100;

}  // namespace

std::string audit_text(std::string_view text) {
  std::string out = without_keys(text);
  if (out.size() <= kMaxText) return out;
  out.resize(kMaxText);
  const auto is_continued = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  while (!out.empty() && !is_utf8(out)) {
    const bool inner = is_continued(out.back());
    out.pop_back();
    if (!inner) break;
  }
  return out + "...";
}

std::string audit_line(AuditEntry entry, ChainEnd& end) {
  entry.number = end.number + 1;
  entry.previous = end.hash;
  std::string line = described::write(entry);
  end = {entry.number, sha256_hex(line)};
  return line;
}

std::optional<AuditEntry> read_audit_line(std::string_view line) {
  auto entry = described::parse<AuditEntry>(line);
  if (!entry) return std::nullopt;
  return std::move(*entry);
}

void ChainCheck::add_break(std::string where, std::string what) {
  if (breaks_.size() < kMaxBreaks) breaks_.push_back({std::move(where), std::move(what)});
}

void ChainCheck::check(const AuditEntry& entry, const std::string& where) {
  const std::int64_t next = last_.number + 1;
  if (entry.number > next)
    add_break(where, next + 1 == entry.number
                         ? fmt::format("entry {} is missing before it", next)
                         : fmt::format("entries {} to {} are missing before it", next, entry.number - 1));
  else if (entry.number < next)
    add_break(where, fmt::format("has number {} where {} was to follow: lines were repeated or moved",
                                 entry.number, next));
  else if (entry.previous != last_.hash)
    add_break(where, "does not fit the line before it: that was changed, or this one");
}

void ChainCheck::take(std::string_view line, std::string where) {
  const std::string hash = sha256_hex(line);
  found_expected_ = found_expected_ || hash == expected_;
  const auto entry = read_audit_line(line);
  if (const std::string before = std::exchange(unread_, ""); !before.empty()) {
    if (entry && entry->action == kLineCut)
      ++cut_;
    else
      add_break(before, "is no entry of an audit log: it was changed");
  }
  if (!entry) {
    unread_ = std::move(where);
    last_.hash = hash;
    return;
  }
  // What is before the first one may have been taken away on purpose.
  if (entries_ > 0 || entry->number == 1) check(*entry, where);
  if (entries_++ == 0) first_ = entry->number;
  last_ = {entry->number, hash};
}

void ChainCheck::end(bool is_cut) {
  if (!unread_.empty())
    add_break(unread_, is_cut ? "was cut off while it was written: what it recorded is lost"
                              : "is no entry of an audit log: it was changed");
  if (!expected_.empty() && !found_expected_)
    add_break("the whole log",
              fmt::format("has no line with the hash {}: its end was taken away or changed", expected_));
}

}  // namespace medsynth::api
