#include "medsynth/contradiction/groups.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <utility>

#include "medsynth/contradiction/word_list.h"

namespace medsynth::contradiction {
namespace {

bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

constexpr WordList kPeople(
    "patients participants subjects individuals persons people adults children infants women men girls boys "
    "mothers fathers parents babies neonates newborns adolescents teenagers elderly volunteers users smokers "
    "drinkers carriers cases controls workers students nurses survivors residents recipients donors athletes "
    "population populations cohort cohorts group groups household households family families those "
    "pregnancies "
    "pupils males females veterans immigrants offspring relatives contacts patient person");
constexpr WordList kAnimals("mice mouse rats rat animals pigs dogs cats monkeys cells tissues strains");
// "Symptom-free", "drug-naive": behind what is lacking.
constexpr WordList kLacking("free naive negative");
// A relative clause ends with the verb of the sentence.
constexpr WordList kAuxiliaries(
    "has have had did do does was were is are can could will would may might should");
constexpr WordList kDenials(
    "not never didn't don't doesn't hadn't haven't hasn't wasn't weren't isn't aren't no");

bool is_content(const Item& item) {
  return item.kind == TokenKind::word && item.entry.role == Role::content;
}

bool is_verb(const Item& item) {
  return item.kind == TokenKind::word && !item.joined &&
         (item.entry.role == Role::be || item.entry.role == Role::effect || kAuxiliaries.has(item.text));
}

void complement(Item& item, bool group) {
  if (item.entry.complement) {
    item.entry.group |= group;
    return;
  }
  if (item.entry.role != Role::content) item.entry = name_of(item.text);
  item.entry = complement_of(item.entry);
  item.entry.group = group;
}

void silence(Item& item) {
  item.entry = Entry{.role = Role::stop, .weight = 0};
  item.text.clear();
}

class Namer {
 public:
  explicit Namer(std::vector<Item>& items) : items_(items) {}

  void name() {
    for (std::size_t at = 0; at < items_.size(); ++at) {
      prefixed(at);
      suffixed(at);
      never(at);
      treated(at);
      without(at);
      relative(at);
    }
    // A denial before a group is one of what the group does; those in its name are gone.
    std::erase_if(items_, [](const Item& item) {
      return item.entry.role == Role::stop && item.kind == TokenKind::word && item.text.empty();
    });
  }

 private:
  // Are people named right behind `at`, or by the word itself ("nonsmokers")?
  bool attributive(std::size_t at) const {
    if (items_[at].text.ends_with("ers")) return true;
    // "is a non-compliant patient" says it of him.
    if (at > 1 && any_of(items_[at - 1].text, {"a", "an"}) && items_[at - 2].entry.role == Role::be)
      return false;
    for (std::size_t next = at + 1; next < items_.size() && next < at + 3; ++next) {
      if (people(next) || animals(next)) return true;
      if (!is_content(items_[next])) return false;
    }
    return false;
  }
  bool people(std::size_t at) const { return at < items_.size() && kPeople.has(items_[at].text); }
  bool animals(std::size_t at) const { return at < items_.size() && kAnimals.has(items_[at].text); }

  // "unvaccinated", "nonsmokers"; "non-diabetic" in two words.
  void prefixed(std::size_t at) {
    const Entry& entry = items_[at].entry;
    if (is_content(items_[at]) && (entry.complement || entry.rival))
      items_[at].entry.group |= attributive(at);
    const bool non = any_of(items_[at].text, {"non", "no"}) && items_[at].joined && at + 1 < items_.size();
    if (!non || !(is_content(items_[at + 1]) || items_[at + 1].entry.role == Role::receiving)) return;
    complement(items_[at + 1], attributive(at + 1));
    silence(items_[at]);
  }

  void suffixed(std::size_t at) {
    if (at == 0 || !items_[at - 1].joined || !kLacking.has(items_[at].text)) return;
    Item& lacking = items_[at - 1];
    if (!is_content(lacking) || lacking.entry.complement) return;
    complement(lacking, attributive(at));
    lacking.joined = false;
    silence(items_[at]);
  }

  // "never smokers", "never-users"; "has never smoked" is a denial.
  void never(std::size_t at) {
    if (items_[at].text != "never" || at + 1 >= items_.size() || !is_content(items_[at + 1])) return;
    const std::string& noun = items_[at + 1].text;
    if (!noun.ends_with("er") && !noun.ends_with("ers")) return;
    complement(items_[at + 1], noun.ends_with("ers"));
    silence(items_[at]);
  }

  // "Treated patients": the word names them, it does not say what they are given.
  void treated(std::size_t at) {
    if (items_[at].entry.role != Role::receiving || !people(at + 1)) return;
    if (!any_of(items_[at].text, {"treated", "exposed"})) return;
    items_[at].entry = complement_of(complement_of(name_of(items_[at].text)));
  }

  // "patients without diabetes", "women with no history of stroke".
  void without(std::size_t at) {
    const bool starts = any_of(items_[at].text, {"with", "without", "lacking", "free"});
    if (!starts || at == 0 || !people(at - 1)) return;
    std::size_t noun = at + 1;
    if (items_[at].text == "with" && noun < items_.size() && items_[noun].text == "no")
      ++noun;
    else if (!any_of(items_[at].text, {"without", "lacking"}) &&
             !(items_[at].text == "free" && items_[at].entry.role == Role::negation))
      return;
    const std::size_t end = complement_until(noun, [&](const Item& item) { return is_verb(item); });
    if (end == noun) return;
    for (std::size_t each = at; each < noun; ++each) silence(items_[each]);
  }

  // "mothers who did not smoke had ...", "those who had never had a stroke".
  void relative(std::size_t at) {
    if (at == 0 || !any_of(items_[at].text, {"who", "that"}) || !people(at - 1)) return;
    std::size_t verb = at + 1;
    while (verb < items_.size() && kAuxiliaries.has(items_[verb].text)) ++verb;
    if (verb >= items_.size() || !kDenials.has(items_[verb].text)) return;
    const std::size_t denial = verb++;
    // "had never had a stroke": the second auxiliary is the verb of the clause.
    while (verb < items_.size() &&
           (kAuxiliaries.has(items_[verb].text) || items_[verb].entry.role == Role::be ||
            items_[verb].entry.role == Role::receiving))
      ++verb;
    // An effect as its verb ("who did not improve") names them too.
    const bool by_effect = verb < items_.size() && items_[verb].entry.role == Role::effect;
    if (by_effect) complement(items_[verb], true);
    const std::size_t noun = verb + (by_effect ? 1 : 0);
    const std::size_t end = complement_until(noun, [&](const Item& item) { return is_verb(item); });
    if (end == noun && !by_effect) return;
    for (std::size_t each = at + 1; each < verb; ++each)
      if (each <= denial || items_[each].entry.role != Role::receiving) silence(items_[each]);
  }

  // Marks the content from `from` to the verb of the sentence or the end of the phrase; where that is.
  template <class Ends>
  std::size_t complement_until(std::size_t from, Ends&& ends) {
    constexpr std::size_t kLongest = 8;
    std::size_t at = from, last = from;
    for (; at < items_.size() && at < from + kLongest; ++at) {
      Item& item = items_[at];
      const bool verb = ends(item) || item.text.ends_with("ed");
      if (item.kind == TokenKind::symbol || (verb && last > from) || item.entry.role == Role::boundary ||
          item.entry.role == Role::versus || item.entry.role == Role::negation)
        break;
      // "without diabetes in the trial": what follows is the setting of the sentence.
      if (item.entry.role == Role::preposition && last > from && item.text != "of") break;
      if (is_content(item)) complement(item, true), last = at + 1;
    }
    return last;
  }

  std::vector<Item>& items_;
};

}  // namespace

bool names_people(std::string_view word) {
  return kPeople.has(word);
}

void name_groups(std::vector<Item>& items) {
  Namer(items).name();
}

}  // namespace medsynth::contradiction
