#include "medsynth/contradiction/scopes.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string_view>

#include "medsynth/contradiction/frames.h"

namespace medsynth::contradiction {
namespace {

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Ends every scope: a new clause, a new statement of a list, a new speaker.
bool terminates(const Item& item) {
  if (item.kind == TokenKind::symbol) return any_of(item.text, {";", ":", "(", ")"});
  return item.entry.role == Role::boundary ||
         any_of(item.text, {"who", "otherwise", "secondary", "except", "apart"});
}

// A comma ends a denial unless a list goes on: "no fever, chills or cough", but "no fever, was given ...".
bool list_goes_on(std::span<const Item> items, std::size_t comma) {
  for (std::size_t at = comma + 1; at < items.size() && at < comma + 8; ++at) {
    const Item& item = items[at];
    if (item.kind == TokenKind::symbol) {
      if (item.text == ",") continue;
      return item.text == "-" || item.text == "/";
    }
    if (item.entry.role == Role::be || item.entry.role == Role::pronoun || item.entry.role == Role::effect ||
        item.entry.role == Role::receiving || item.entry.role == Role::negation || terminates(item))
      return false;
    if (any_of(item.text, {"or", "nor"})) return true;
  }
  return any_of(comma > 0 ? items[comma - 1].text : std::string_view(), {"or", "nor"});
}

// "No fever, chills, cough.": nothing but names up to the end.
bool only_names_follow(std::span<const Item> items, std::size_t comma) {
  for (std::size_t at = comma + 1; at < items.size() && !terminates(items[at]); ++at) {
    const Item& item = items[at];
    const bool name = item.kind == TokenKind::word &&
                      (item.entry.role == Role::content || item.entry.role == Role::conjunction);
    if (!name && item.text != "," && item.text != ".") return false;
  }
  return true;
}

}  // namespace

bool ends_comparison(std::span<const Item> items, std::size_t at) {
  const bool last = std::all_of(items.begin() + static_cast<std::ptrdiff_t>(at) + 1, items.end(),
                                [](const Item& item) { return item.kind == TokenKind::symbol; });
  const bool ends =
      last && at > 0 && any_of(items[at].text, {"not"}) && any_of(items[at - 1].text, {"did", "do", "does"});
  // "..., whereas clopidogrel did not." denies a statement.
  for (std::size_t back = at; ends && back-- > 0 && items[back].entry.role != Role::boundary;)
    if (items[back].entry.role == Role::versus || items[back].text == "who") return true;
  return false;
}

namespace {

bool is_family(std::string_view word) {
  return any_of(word,
                {"mother",      "father",      "sister",   "brother",   "family",   "aunt",    "uncle",
                 "grandmother", "grandfather", "parents",  "sibling",   "siblings", "cousin",  "mother's",
                 "father's",    "maternal",    "paternal", "relatives", "son",      "daughter"});
}

}  // namespace

std::vector<Status> scopes(std::span<const Item> items, bool question) {
  std::vector<Status> out(items.size());
  constexpr int kReach = 14;  // words a denial reaches at most: a list of symptoms, not a paragraph
  int denied = 0;
  bool family = false, past = false, hypothetical = question;
  std::size_t clause = 0;   // where the clause began
  std::size_t trigger = 0;  // where the last denial stands
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    if (terminates(item)) {
      denied = 0;
      past = false;
      hypothetical = question;
      if (item.text != "(" && item.text != ")") family = false;
      if (item.text == ":" && i > 0) family = i > 1 && is_family(items[0].text);
      clause = i + 1;
      continue;
    }
    if (item.kind == TokenKind::symbol) {
      const bool fragment = trigger <= clause + 2 && only_names_follow(items, i);
      if (item.text == "," && !fragment && !list_goes_on(items, i)) denied = 0;
      continue;
    }
    if (is_family(item.text) && item.text != "maternal") family = true;
    if (any_of(item.text, {"history", "previously", "formerly", "prior", "used_to"})) past = true;
    if (item.text == "used" && i + 1 < items.size() && items[i + 1].text == "to") past = true;
    if (item.entry.role == Role::unknown || item.text == "if") hypothetical = true;
    if (item.text == kLeftOpen)
      for (std::size_t back = clause; back < i; ++back) out[back].hypothetical = true;
    if (item.entry.role == Role::negation) trigger = i;
    if (any_of(item.text, {"quit", "quits", "discontinued", "stopped"})) denied = denied > 0 ? 0 : kReach;
    const bool negative = item.text == "negative";
    if (negative && i + 1 < items.size() && items[i + 1].text == "for") {
      denied = kReach;
    } else if (item.entry.role == Role::negation && item.text != "little" && !ends_comparison(items, i)) {
      // What was said before is denied when nothing follows: "was ruled out", "were absent".
      const bool after = any_of(item.text, {"ruled", "absent", "lacking", "unlikely", "excluded", "refuted",
                                            "disproved", "false", "myth", "untrue", "impossible"});
      if (after && i > clause)
        for (std::size_t back = clause; back < i; ++back) out[back].denied = !out[back].denied;
      else if (item.text != "non" && (!any_of(item.text, {"or", "nor"}) || denied == 0))
        denied = denied > 0 ? 0 : kReach;
      // "is not transmitted by": the statement is denied, whichever side a word stands on.
      const bool of_statement =
          any_of(item.text, {"not", "never", "cannot", "isn't", "aren't", "wasn't", "weren't", "don't",
                             "doesn't", "didn't", "can't", "won't"});
      if (of_statement)
        for (std::size_t back = clause; back < i; ++back) out[back].denied = !out[back].denied;
    }
    Status& status = out[i];
    status.denied ^= denied > 0 && !negative;
    status.of_family = family;
    status.past = past;
    status.hypothetical = hypothetical;
    if (denied > 0) --denied;
  }
  return out;
}

}  // namespace medsynth::contradiction
