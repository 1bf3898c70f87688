#include "medsynth/contradiction/frames.h"

#include <algorithm>
#include <cstddef>

#include "medsynth/contradiction/groups.h"
#include "medsynth/contradiction/word_list.h"

namespace medsynth::contradiction {
namespace {

constexpr WordList kDenials(
    "no not never nobody none cannot can't couldn't doesn't don't didn't isn't aren't wasn't weren't won't "
    "wouldn't hardly scarcely barely few little without beyond neither nor unable impossible fail fails "
    "failed "
    "failing inability insufficient inadequate difficult");
constexpr WordList kDoubts(
    "question questions questioned questionable doubt doubts doubted doubting doubtful dispute disputes "
    "disputed disputing disputable deny denies denied denying deniable contest contests contested challenge "
    "challenges challenged refute refutes refuted contradict contradicted controversy controversial debate "
    "debated debatable disagree disagreed dissent");
// "We cannot rule out ...".
constexpr WordList kExclusions(
    "exclude excludes excluded excluding exclusion rule ruled ruling dismiss dismissed discount discounted");
// May stand between the two: "cannot be", "would seriously", "does not allow us to".
constexpr WordList kBetween(
    "be been being is are was were can could may might will would should has have had do does did any one "
    "serious seriously reasonable reasonably real longer much there in under open to us we them you allow "
    "allows allowed permit permits permitted enable enables enabled possible able let lets sufficient enough "
    "the a completely definitively definitely reliably safely fully entirely yet used it by who really now "
    "scientist scientists expert experts physician physicians clinician clinicians doctor doctors people "
    "evidence for reason reasons grounds way basis need no-one whatsoever");
// Who takes part in a study is "excluded" as well.
constexpr WordList kSelections("exclude excluded");
constexpr WordList kDenying("denies denied");
// "It is wrong to say that": the denial is the first word.
constexpr WordList kFalsity(
    "wrong false incorrect mistaken mistake untrue erroneous error misleading fallacy misconception");
constexpr WordList kSaying(
    "say claim think believe suggest assume state conclude assert maintain hold argue suppose pretend");
constexpr WordList kSubjects("the a an he she it they we there this these those his her their its our");
constexpr WordList kPredicates(
    "has have had is are was were reports reported denies denied complains complained shows showed developed "
    "receives received takes took");
constexpr WordList kSubordinating("although though while whereas despite since because unless even if when");

void silence(Item& item) {
  item.entry = Entry{.role = Role::stop, .weight = 0};
  item.text.clear();
}

bool is_word(const Item& item) {
  return item.kind == TokenKind::word;
}

// Where one of `list` stands at most `reach` words behind `at`, with nothing but kBetween between; 0:
// nowhere.
std::size_t meets(const std::vector<Item>& items, std::size_t at, const WordList& list, std::size_t reach) {
  for (std::size_t next = at + 1; next < items.size() && next <= at + reach; ++next) {
    if (!is_word(items[next])) return 0;
    if (list.has(items[next].text)) return next;
    if (!kBetween.has(items[next].text)) return 0;
  }
  return 0;
}

bool excludes_people(const std::vector<Item>& items, std::size_t at) {
  for (std::size_t next = at + 1; next < items.size() && next < at + 3; ++next)
    if (names_people(items[next].text) || items[next].text == "from") return true;
  // "Pregnant women were not excluded."
  for (std::size_t before = at; before > 0 && before + 5 > at; --before)
    if (names_people(items[before - 1].text)) return true;
  return false;
}

}  // namespace

void settle_frames(std::vector<Item>& items) {
  constexpr std::size_t kDoubtReach = 5, kExclusionReach = 8;
  bool any = false;
  const auto silence_all = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i <= to; ++i) silence(items[i]);
    any = true;
  };
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (!is_word(items[at])) continue;
    const std::string_view word = items[at].text;
    if (kDenials.has(word)) {
      if (const std::size_t doubt = meets(items, at, kDoubts, kDoubtReach)) {
        silence_all(at, doubt);
        continue;
      }
      const std::size_t exclusion = meets(items, at, kExclusions, kExclusionReach);
      if (exclusion && !(kSelections.has(items[exclusion].text) && excludes_people(items, exclusion))) {
        const Span span{items[at].span.begin, items[exclusion].span.end};
        silence_all(at + 1, exclusion);
        items[at].entry = Entry{.role = Role::unknown, .weight = 0};
        items[at].text = kLeftOpen;
        items[at].span = span;
      }
    } else if (kFalsity.has(word) && at + 2 < items.size() && items[at + 1].text == "to" &&
               kSaying.has(items[at + 2].text)) {
      items[at].entry = Entry{.role = Role::negation, .weight = 0};
      items[at].text = "false";
      silence_all(at + 1, at + 2);
    }
  }
  if (any)
    std::erase_if(items, [](const Item& item) {
      return item.entry.role == Role::stop && is_word(item) && item.text.empty();
    });
}

void part_clauses(std::vector<Item>& items) {
  if (items.empty()) return;
  // "Although ..., ...": the first comma that a subject follows.
  bool subordinate = kSubordinating.has(items[0].text);
  bool denied = false;
  for (std::size_t at = 1; at + 2 < items.size(); ++at) {
    Item& item = items[at];
    if (item.entry.role == Role::negation || kDenying.has(item.text)) denied = true;
    if (item.entry.role == Role::boundary || item.text == ";" || item.text == ":") denied = false;
    const bool comma = item.kind == TokenKind::symbol && item.text == ",";
    if (!comma && item.text != "and") continue;
    const bool subject = kSubjects.has(items[at + 1].text);
    bool predicate = false;
    for (std::size_t next = at + 2; next < items.size() && next < at + 6; ++next) {
      if (!is_word(items[next]) || items[next].entry.role == Role::conjunction) break;
      if (kPredicates.has(items[next].text) || items[next].entry.role == Role::effect) predicate = true;
    }
    if (comma && subordinate) {
      item.text = ";";
      subordinate = false;
    } else if (denied && subject && predicate) {
      item.entry = Entry{.role = Role::boundary, .weight = 0};
      if (comma) item.text = ";";
      denied = false;
    }
  }
}

}  // namespace medsynth::contradiction
