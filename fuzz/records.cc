// Task records: whatever Redis answers to the store's calls is read or refused, and what is read can be
// shown.
#include <vector>

#include "medsynth/tasks/legacy.h"
#include "medsynth/tasks/store.h"

#include "fuzz.h"
#include "resp3.h"

namespace {

using namespace medsynth;

void show(const tasks::Record& record) {
  (void)record.status();
  (void)record.number("progress");
  for (const auto& [name, value] : record.fields) (void)record.text(name);
  const std::string shown = record.to_json();
  if (tasks::check_fields(record.fields))
    fuzz::require(json::parse(shown).has_value(), "a record of good fields is shown as JSON");
  const tasks::Adopted adopted = tasks::adopt(record.fields, WallTime{});
  fuzz::require(adopted.created_micros >= 0, "a record was created after 1970");
}

// One call is answered with these replies, again and again as long as it asks for more.
template <class T>
std::optional<T> answered(redis::Query<T> query, const redis::Replies& replies) {
  for (std::size_t at = 0, steps = 0; steps < 8; ++steps) {
    redis::Replies part;
    for (std::size_t i = 0; i < query.commands.size(); ++i)
      part.push_back(replies.empty() ? redis::Reply{} : replies[at++ % replies.size()]);
    auto step = query.decode(std::move(part));
    if (!step) {
      fuzz::require(!step.error().message.empty(), "an answer that cannot be read is refused with a reason");
      return std::nullopt;
    }
    if (step->value) return std::move(*step->value);
    query = std::move(*step->next);
  }
  return std::nullopt;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  if (auto fields = tasks::split_legacy(bytes)) show({"t", std::move(*fields)});

  const tasks::Store store;
  const redis::Replies replies = fuzz::replies_of(bytes, bytes.size());
  const auto found = answered(store.get("t"), replies);
  if (found && *found) show(**found);
  if (const auto list = store.list({.limit = 3, .cursor = ""}, WallTime{})) {
    const auto page = answered(*list, replies);
    for (const tasks::Record& record : page ? page->tasks : std::vector<tasks::Record>{}) show(record);
  }
  const tasks::Begin begin{"t", "m", "q", "a", "w"};
  (void)answered(store.create({"t", "m", "q", "a", {}}, WallTime{}), replies);
  (void)answered(store.begin(begin, WallTime{}), replies);
  (void)answered(store.open({begin, begin}, WallTime{}), replies);
  (void)answered(store.advance({tasks::to_processing({"t", "m", 1, 0})}, "w", WallTime{}), replies);
  (void)answered(store.progress({"t", "m", 1, 0}, 5, {}, WallTime{}), replies);
  (void)answered(store.cancel("t", WallTime{}), replies);
  (void)answered(store.remove("t", WallTime{}), replies);
  (void)answered(store.remove_many({}, {}, WallTime{}), replies);
  (void)answered(store.has_tombstone("m"), replies);
  (void)answered(store.reopen("t", "m", WallTime{}, {}), replies);
  (void)answered(store.abandon({{"t", "m"}}, WallTime{}), replies);
  (void)answered(store.sweep(WallTime{}), replies);
  (void)answered(store.counts(WallTime{}), replies);
  return 0;
}
