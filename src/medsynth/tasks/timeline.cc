#include "medsynth/tasks/timeline.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace medsynth::tasks {
namespace {

// Field names: the number of the attempt within the last 20 after this; open.lua writes those with an `L`, of an
// attempt whose worker died. Of a caller no such name is taken.
constexpr char kMark = '\x1f';
constexpr char kLost = 'L';
constexpr std::size_t kMaxError = 500;  // bytes

std::string_view text_of(const json::object& notes, std::string_view name) {
  const json::value* member = notes.if_contains(name);
  return member && member->is_string() ? std::string_view(member->get_string()) : std::string_view();
}

std::optional<WallTime> time_of(const json::value* value) {
  if (!value || !value->is_int64() || value->get_int64() <= 0) return std::nullopt;
  return WallTime(std::chrono::microseconds(value->get_int64()));
}

std::optional<WallTime> time_of(const Record& record, std::string_view field) {
  const auto time = parse_rfc3339(record.text(field).value_or(""));
  return time ? std::optional(*time) : std::nullopt;
}

// One attempt as it is put together: `end` is where its last phase ends, so far as that is known.
struct Known {
  TimelineAttempt shown;
  std::optional<WallTime> begin, end, next_attempt_at;
};

void add(Known& known, std::string_view name, WallTime from, std::optional<WallTime> to,
         std::string detail = "") {
  known.shown.phases.push_back(
      {std::string(name), rfc3339(from), to ? std::optional(rfc3339(*to)) : std::nullopt, std::move(detail)});
  if (!known.begin) known.begin = from;
  known.end = to;
}

void set_worker(TimelineAttempt& attempt, std::string_view worker) {
  const std::size_t slash = worker.rfind('/');
  if (slash == worker.npos) return;
  attempt.host = std::string(worker.substr(0, slash));
  attempt.worker = std::string(worker.substr(slash + 1));
}

std::optional<Known> read_notes(std::string_view text) {
  const auto value = json::parse(text);
  const json::object* notes = value ? value->if_object() : nullptr;
  const json::value* number = notes ? notes->if_contains("n") : nullptr;
  if (!number || !number->is_int64()) return std::nullopt;
  Known known;
  known.shown.number = number->get_int64();
  set_worker(known.shown, text_of(*notes, "w"));
  if (const std::string_view error = text_of(*notes, "e"); !error.empty())
    known.shown.error = std::string(error);
  known.next_attempt_at = time_of(notes->if_contains("r"));
  const json::value* phases = notes->if_contains("p");
  for (const json::value& each : phases && phases->is_array() ? phases->get_array() : json::array{}) {
    if (!each.is_array() || each.get_array().size() < 3 || !each.get_array()[0].is_string()) continue;
    const json::array& phase = each.get_array();
    const auto from = time_of(&phase[1]);
    const bool ended = phase[2].is_int64() && phase[2].get_int64() >= 0;
    const bool detailed = phase.size() > 3 && phase[3].is_string();
    if (from)
      add(known, phase[0].get_string(), *from,
          ended ? std::optional(*from + std::chrono::microseconds(phase[2].get_int64())) : std::nullopt,
          detailed ? std::string(phase[3].get_string()) : "");
  }
  return known;
}

// Of UTF-8 no half character.
std::string_view shortened(std::string_view text) {
  if (text.size() <= kMaxError) return text;
  std::size_t end = kMaxError;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return text.substr(0, end);
}

// [number, last sign of life, when the next attempt began, worker]
void read_lost(std::string_view text, std::map<std::int64_t, Known>& attempts) {
  const auto value = json::parse(text);
  const json::array* lost = value ? value->if_array() : nullptr;
  if (!lost || lost->size() < 4 || !(*lost)[0].is_int64() || !(*lost)[1].is_string() ||
      !(*lost)[2].is_string())
    return;
  const auto from = parse_rfc3339((*lost)[1].get_string()), to = parse_rfc3339((*lost)[2].get_string());
  if (!from || !to) return;
  Known& known = attempts[(*lost)[0].get_int64()];
  known.shown.number = (*lost)[0].get_int64();
  if ((*lost)[3].is_string()) set_worker(known.shown, (*lost)[3].get_string());
  auto& phases = known.shown.phases;
  if (!phases.empty() && !phases.back().to) phases.back().to = rfc3339(*from);
  add(known, "lost", *from, *to, "its worker died");
}

}  // namespace

bool is_notes(std::string_view field) {
  if (!field.starts_with(kMark)) return false;
  field.remove_prefix(1);
  if (field.starts_with(kLost)) field.remove_prefix(1);
  return !field.empty() && field.size() <= 2 && field.find_first_not_of("0123456789") == field.npos;
}

void put_notes(Fields& fields, const AttemptNotes& notes) {
  std::erase_if(fields, [](const auto& field) { return is_notes(field.first); });
  // Short: a field of more than 64 bytes makes Redis keep the whole record as a table, which costs it a quarter more.
  std::string text = fmt::format(R"({{"n":{},"p":[)", notes.number);
  for (const Phase& phase : notes.phases) {
    fmt::format_to(std::back_inserter(text), R"({}["{}",{},{})", text.back() == '[' ? "" : ",", phase.name,
                   micros(phase.from), phase.to ? (*phase.to - phase.from).count() : -1);
    if (!phase.detail.empty()) text.append(",").append(json::write_string(phase.detail));
    text += ']';
  }
  text += ']';
  if (!notes.worker.empty()) text.append(R"(,"w":)").append(json::write_string(notes.worker));
  if (!notes.error.empty()) text.append(R"(,"e":)").append(json::write_string(shortened(notes.error)));
  if (notes.next_attempt_at)
    fmt::format_to(std::back_inserter(text), R"(,"r":{})", micros(*notes.next_attempt_at));
  text += '}';
  fields.emplace_back(fmt::format("{}{}", kMark, notes.number % kAttemptsKept), std::move(text));
}

Timeline timeline_of(const Record& record, WallTime now) {
  std::map<std::int64_t, Known> attempts;
  for (const auto& [name, text] : record.fields)
    if (is_notes(name) && name[1] != kLost)
      if (auto known = read_notes(text)) attempts[known->shown.number] = std::move(*known);
  for (const auto& [name, text] : record.fields)
    if (is_notes(name) && name[1] == kLost) read_lost(text, attempts);

  const Status status = record.status().value_or(Status::pending);
  const auto newest = static_cast<std::int64_t>(record.number("attempt").value_or(0));
  const auto updated_at = time_of(record, "updated_at");
  if (const auto last = attempts.find(newest); last != attempts.end() && !last->second.shown.worker)
    set_worker(last->second.shown, record.text("worker").value_or(""));
  const bool runs = status == Status::processing;
  if (runs && attempts[newest].shown.phases.empty()) {
    Known& known = attempts[newest];
    known.shown.number = newest;
    set_worker(known.shown, record.text("worker").value_or(""));
    if (updated_at) add(known, "run", *updated_at, std::nullopt);
  }
  if (const auto last = attempts.find(newest); last != attempts.end() && !runs && status != Status::pending) {
    // Until then its end was written: what became of the record afterwards moves updated_at no more.
    Known& known = last->second;
    if (known.end && updated_at && *updated_at > *known.end) add(known, "record", *known.end, updated_at);
  }
  const auto due = time_of(record, "next_attempt_at");
  const bool delayed = status == Status::retrying && due && *due > now;
  if (!is_terminal(status) && !runs && !delayed)
    attempts[newest + 1].shown.number = newest + 1;  // the one to come

  Timeline timeline;
  auto since = time_of(record, "created_at");  // it is queued
  for (auto& [number, known] : attempts) {
    if (since && number == attempts.begin()->first && number > 1)
      since.reset();  // what came before is forgotten
    const bool to_come = known.shown.phases.empty() && number > newest;
    if (since && (to_come || (known.begin && *known.begin > *since)))
      known.shown.phases.insert(
          known.shown.phases.begin(),
          {"queued", rfc3339(*since), known.begin ? std::optional(rfc3339(*known.begin)) : std::nullopt, ""});
    since = known.end;
    if (known.next_attempt_at && known.end && *known.next_attempt_at > *known.end) {
      add(known, "retry_delay", *known.end, known.next_attempt_at);
      since = known.next_attempt_at;
    }
    timeline.attempts.push_back(std::move(known.shown));
  }
  return timeline;
}

}  // namespace medsynth::tasks
