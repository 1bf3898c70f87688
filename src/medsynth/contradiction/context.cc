#include "medsynth/contradiction/context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <utility>

#include "medsynth/contradiction/topic.h"

namespace medsynth::contradiction {
namespace {

// One excluding the other leaves little; a thing only one claim says leaves most.
constexpr double kExclusive = .15, kOneSided = .85, kNumbers = .97;

std::string_view quote(std::string_view text, Span span) {
  return text.substr(span.begin, span.end - span.begin);
}

// The heavy words in the order of the text: "women, diabetes".
std::string list(Words words, std::string_view text) {
  std::erase_if(words, [](const Word& word) { return word.weight < .5F; });
  std::sort(words.begin(), words.end(),
            [](const Word& a, const Word& b) { return a.span.begin < b.span.begin; });
  std::string out;
  for (const Word& word : words) {
    if (!out.empty()) out += ", ";
    out += quote(text, word.span);
    if (out.size() > 120) break;
  }
  return out;
}

bool mentions_any(const Words& of, const Claim& claim) {
  return overlap(of, claim.words).contained > 0;
}
bool mentions_all(const Words& of, const Claim& claim) {
  return overlap(of, claim.words).contained > .65;
}

bool is_animal(const Words& words) {
  static const std::array kAnimals{concept_of("mouse"), concept_of("rat")};
  return std::any_of(words.begin(), words.end(), [](const Word& word) {
    return std::find(kAnimals.begin(), kAnimals.end(), word.concept_id) != kAnimals.end();
  });
}

void add_settings(const Sides& sides, const Effect& a, const Effect& b, std::vector<Difference>& out) {
  const bool first = says_something(a.setting), second = says_something(b.setting);
  if (!first && !second) return;
  Difference difference{"population or setting", list(a.setting, sides.text1), list(b.setting, sides.text2)};
  if (first && second) {
    // "women with asthma" and "asthma" may be the same people; "lung cancer" and "breast cancer" are not.
    if (overlap(a.setting, b.setting).contained > .65) return;
    if (mentions_all(a.setting, sides.claim2) || mentions_all(b.setting, sides.claim1)) return;
    difference.factor = kExclusive;
  } else {
    const Words& stated = first ? a.setting : b.setting;
    if (mentions_all(stated, first ? sides.claim2 : sides.claim1)) return;
    difference.factor = is_animal(stated) ? kExclusive : kOneSided;
  }
  out.push_back(std::move(difference));
}

void add_comparators(const Sides& sides, const Effect& a, const Effect& b, std::vector<Difference>& out) {
  static const std::array kInactive{concept_of("placebo"), concept_of("sham"), concept_of("control_group")};
  const auto is_placebo = [](const Words& words) {
    return std::any_of(words.begin(), words.end(), [](const Word& word) {
      return std::find(kInactive.begin(), kInactive.end(), word.concept_id) != kInactive.end();
    });
  };
  const bool first = says_something(a.comparator), second = says_something(b.comparator);
  if (!first && !second) return;
  Difference difference{"comparator", list(a.comparator, sides.text1), list(b.comparator, sides.text2)};
  if (first && second) {
    if (overlap(a.comparator, b.comparator).contained > .65) return;
    if (is_placebo(a.comparator) && is_placebo(b.comparator)) return;
    difference.factor = kOtherSituation;
  } else {
    const Words& stated = first ? a.comparator : b.comparator;
    if (is_placebo(stated) || mentions_any(stated, first ? sides.claim2 : sides.claim1)) return;
    difference.factor = a.comparing || b.comparing ? kOtherSituation : kOneSided;
  }
  out.push_back(std::move(difference));
}

std::string quantities(const Claim& claim, std::string_view text, Unit unit, std::vector<double>& values) {
  std::string out;
  for (const Measure& measure : claim.measures) {
    if (measure.unit != unit || values.size() > 3) continue;
    values.push_back(measure.value);
    if (!out.empty()) out += ", ";
    // The unit stands behind the number.
    std::size_t end = measure.span.end;
    while (end < text.size() && end - measure.span.end < 8 && unit != Unit::year &&
           (text[end] == ' ' || text[end] == '%' || std::isalpha(static_cast<unsigned char>(text[end])))) {
      if (text[end] == ' ' && end > measure.span.end) break;
      ++end;
    }
    out += text.substr(measure.span.begin, end - measure.span.begin);
  }
  return out;
}

void add_measures(const Sides& sides, bool has_effects, std::vector<Difference>& out) {
  struct Kind {
    Unit unit;
    std::string_view what;
    double factor;
  };
  constexpr std::array<Kind, 6> kKinds{{{Unit::dose, "dose", kExclusive},
                                        {Unit::duration, "duration", .5},
                                        {Unit::age, "age", kOtherSituation},
                                        {Unit::year, "year", kNumbers},
                                        {Unit::percent, "percentages", kNumbers},
                                        {Unit::plain, "numbers", kNumbers}}};
  if (sides.claim1.measures.empty() || sides.claim2.measures.empty()) return;
  for (const Kind& kind : kKinds) {
    std::vector<double> first, second;
    Difference difference{std::string(kind.what), quantities(sides.claim1, sides.text1, kind.unit, first),
                          quantities(sides.claim2, sides.text2, kind.unit, second), kind.factor};
    if (first.empty() || second.empty()) continue;
    // Two dates are a period; what is said of a duration itself is no setting of it.
    if (kind.unit == Unit::year && first.size() + second.size() > 3) difference.factor = kOtherSituation;
    if (kind.unit == Unit::duration && !has_effects) difference.factor = kNumbers;
    const auto same = [](double a, double b) {
      constexpr double kRounding = .03;  // "1 month" and "30 days"
      return std::abs(a - b) <= kRounding * std::max(std::abs(a), std::abs(b));
    };
    const bool in_units = kind.unit == Unit::dose || kind.unit == Unit::duration;
    const bool shared = std::any_of(first.begin(), first.end(), [&](double a) {
      return std::any_of(second.begin(), second.end(),
                         [&](double b) { return in_units ? same(a, b) : a == b; });
    });
    if (!shared) out.push_back(std::move(difference));
  }
}

const Word* find(const Words& words, std::uint64_t concept_id) {
  const auto at = std::lower_bound(words.begin(), words.end(), concept_id,
                                   [](const Word& word, auto wanted) { return word.concept_id < wanted; });
  return at != words.end() && at->concept_id == concept_id ? &*at : nullptr;
}

// The word that has this genus.
const Word* kind_of(const Words& words, const Word& genus) {
  for (const Word& word : words)
    if (!word.genus && word.span == genus.span) return &word;
  return nullptr;
}

using Two = std::pair<const Word*, const Word*>;

// "Vaccinated", "unvaccinated": each in one claim alone.
Two different_people(const Words& words, const Words& others) {
  for (const Word& word : words) {
    if (!word.group || word.weight < .5F) continue;
    const Word* const other = find(others, rival_of(word.concept_id));
    if (other && other->weight >= .5F && !find(words, other->concept_id) && !find(others, word.concept_id))
      return {&word, other};
  }
  return {};
}

// "Melanoma", "basal cell carcinoma": two kinds of one thing.
Two different_kinds(const Words& words, const Words& others) {
  static const std::uint64_t abnormal = concept_of("abnormal");  // a mass may be a lesion
  for (const Word& word : words) {
    if (!word.genus || word.concept_id == abnormal) continue;
    const Word* const other = find(others, word.concept_id);
    if (!other || !other->genus) continue;
    const Word *const kind = kind_of(words, word), *const other_kind = kind_of(others, *other);
    if (kind && other_kind && !find(others, kind->concept_id) && !find(words, other_kind->concept_id))
      return {kind, other_kind};
  }
  return {};
}

// The words by which two claims speak of different things; nulls: there are none.
Two different_things(const Claim& claim1, const Claim& claim2) {
  if (const Two people = different_people(claim1.words, claim2.words); people.first) return people;
  if (const Two people = different_people(claim2.words, claim1.words); people.first)
    return {people.second, people.first};
  return different_kinds(claim1.words, claim2.words);
}

void add_things(const Sides& sides, std::vector<Difference>& out) {
  if (const auto [first, second] = different_things(sides.claim1, sides.claim2); first)
    out.push_back({first->group || second->group ? "population" : "kind",
                   std::string(quote(sides.text1, first->span)),
                   std::string(quote(sides.text2, second->span)), kExclusive});
}

void add_doses(const Sides& sides, std::vector<Difference>& out) {
  const Words &first = sides.claim1.doses, &second = sides.claim2.doses;
  if (first.empty() || second.empty() || overlap(first, second).contained > 0) return;
  out.push_back({"dose", list(first, sides.text1), list(second, sides.text2), kExclusive});
}

// Animals, cells in a dish, people: what holds in one of them need not hold in another.
std::string_view system_of(const Claim& claim) {
  const auto mentions = [&](std::initializer_list<std::string_view> names) {
    return std::any_of(claim.words.begin(), claim.words.end(), [&](const Word& word) {
      return std::any_of(names.begin(), names.end(),
                         [&](std::string_view name) { return word.concept_id == concept_of(name); });
    });
  };
  if (mentions({"mouse", "rat", "animal", "drosophila", "zebrafish", "monkey", "pig", "rabbit", "dog"}))
    return "animals";
  if (mentions({"vitro", "culture"})) return "cells";
  if (mentions({"patient", "human", "woman", "man", "child", "adult", "infant", "volunteer"}))
    return "people";
  return "";
}

void add_systems(const Sides& sides, std::vector<Difference>& out) {
  const std::string_view first = system_of(sides.claim1), second = system_of(sides.claim2);
  if (first.empty() || second.empty() || first == second) return;
  out.push_back({"species or system", std::string(first), std::string(second), kExclusive});
}

struct Key {
  std::string_view name, what;
  double factor;
};
constexpr std::array<Key, 16> kKeys{{{"population", "population", kExclusive},
                                     {"species", "species", kExclusive},
                                     {"sex", "sex", kExclusive},
                                     {"age", "age", kOtherSituation},
                                     {"age_group", "age group", kExclusive},
                                     {"condition", "condition", kExclusive},
                                     {"dose", "dose", kExclusive},
                                     {"dosage", "dose", kExclusive},
                                     {"duration", "duration", .5},
                                     {"comparator", "comparator", kOtherSituation},
                                     {"outcome", "outcome", kOtherSituation},
                                     {"setting", "setting", .5},
                                     {"country", "country", kOneSided},
                                     {"design", "study design", .9},
                                     {"study_type", "study design", .9},
                                     {"year", "year", 1}}};

// What a person would read; empty for what is not comparable.
std::string plain(const json::value* value) {
  if (!value) return "";
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_number()) return json::write(*value);
  return "";
}

}  // namespace

std::vector<Difference> context_differences(const Sides& sides, const Effect* effect1, const Effect* effect2,
                                            bool reversed) {
  std::vector<Difference> out;
  if (effect1 && effect2) {
    add_settings(sides, *effect1, *effect2, out);
    if (!reversed) add_comparators(sides, *effect1, *effect2, out);
  }
  add_things(sides, out);
  add_doses(sides, out);
  add_systems(sides, out);
  add_measures(sides, effect1 && effect2, out);
  return out;
}

bool speak_of_different_things(const Claim& claim1, const Claim& claim2) {
  return different_things(claim1, claim2).first != nullptr;
}

double certainty_left(const std::vector<Difference>& differences) {
  double left = 1;
  for (const Difference& difference : differences) left *= difference.factor;
  return left;
}

std::vector<Difference> metadata_differences(const json::object& metadata1, const json::object& metadata2) {
  std::vector<Difference> out;
  for (const Key& key : kKeys) {
    Difference difference{std::string(key.what), plain(metadata1.if_contains(key.name)),
                          plain(metadata2.if_contains(key.name)), key.factor};
    if (difference.first.empty() || difference.second.empty() || difference.first == difference.second)
      continue;
    const Claim first = read_claim(difference.first), second = read_claim(difference.second);
    const bool same_numbers = std::equal(
        first.measures.begin(), first.measures.end(), second.measures.begin(), second.measures.end(),
        [](const Measure& a, const Measure& b) { return a.value == b.value; });
    const Overlap words = overlap(first.words, second.words);
    const bool no_words = first.words.empty() && second.words.empty();
    if (same_numbers && (no_words ? !first.measures.empty() : words.jaccard == 1)) continue;
    // "adults" and "adults with diabetes" do not exclude each other.
    if (same_numbers && words.contained == 1) difference.factor = std::max(difference.factor, kOneSided);
    out.push_back(std::move(difference));
  }
  return out;
}

std::string describe(const Difference& difference) {
  if (difference.first.empty()) return difference.what + ": " + difference.second + " (only claim 2)";
  if (difference.second.empty()) return difference.what + ": " + difference.first + " (only claim 1)";
  return difference.what + ": " + difference.first + " (claim 1), " + difference.second + " (claim 2)";
}

}  // namespace medsynth::contradiction
