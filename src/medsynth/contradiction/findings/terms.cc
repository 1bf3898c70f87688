#include "medsynth/contradiction/findings/terms.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <unordered_map>

#include "medsynth/contradiction/findings/worth.h"

namespace medsynth::contradiction {
namespace {

// Words that accompany what a finding is about.
constexpr std::string_view kNoTerms =
    "ci hr or rr aor ahr irr odds ratio confidence interval value adjusted unadjusted crude multivariable "
    "multivariate univariate bivariate regression logistic model models analysis adjustment significance "
    "level "
    "levels group groups arm arms compared comparison respectively participant participants patient patients "
    "people individuals subjects respondents those risk rate rates number proportion percentage likelihood "
    "probability incidence prevalence occurrence frequency mean median score scores factor factors variable "
    "variables determinant determinants predictor predictors independent independently significant "
    "significantly positive negative positively negatively strong strongly weak statistically important key "
    "main major potential common other others following follow include included including study studies "
    "result results finding findings evidence data year years month months week weeks day days time times "
    "fold baseline end outcome outcomes change changes having being had has have use used using high low "
    "higher "
    "lower increased decreased reduced total overall first second third one two three four five use "
    "intervention "
    "interventions treatment treatments control controls different difference differences versus vs "
    "adjusting covariates stratified controlling lived living aged characteristics status among period "
    "present current experience experienced reported less more strategy strategies approach "
    "approaches associations presence leading found observed seen noted detected inversely causal causative "
    "causally protective "
    "protect protection";

// Factors that are each other's absence: the second is less of the first.
struct Opposites {
  std::string_view factor, absence;
};
constexpr std::array kOpposites{
    Opposites{"woman", "man"},           Opposites{"older", "younger"},
    Opposites{"older", "young"},         Opposites{"urban", "rural"},
    Opposites{"married", "unmarried"},   Opposites{"married", "single"},
    Opposites{"educated", "uneducated"}, Opposites{"literate", "illiterate"},
    Opposites{"employed", "unemployed"}, Opposites{"vaccinated", "unvaccinated"},
    Opposites{"insured", "uninsured"},   Opposites{"treated", "untreated"},
    Opposites{"rich", "poor"},           Opposites{"wealthy", "poor"},
    Opposites{"improved", "unimproved"}, Opposites{"exposed", "unexposed"},
    Opposites{"planned", "unplanned"},   Opposites{"multiparous", "primiparous"},
    Opposites{"smoker", "nonsmoker"},    Opposites{"supported", "unsupported"},
};

std::uint64_t looked_up(std::string_view word) {
  const Token token{.span = {0, word.size()}, .kind = TokenKind::word, .text = std::string(word)};
  const std::vector<Item> items = look_up(std::span(&token, 1));
  const Entry& entry = items.front().entry;
  return entry.role == Role::content && entry.concept_id != 0 ? entry.concept_id
                                                              : concept_of(root(inflection_stem(word)));
}

// By the concept of the absence, that of the factor.
const std::unordered_map<std::uint64_t, std::uint64_t>& absences() {
  static const auto* const built = [] {  // never destroyed: threads may outlive main
    auto* map = new std::unordered_map<std::uint64_t, std::uint64_t>;
    for (const Opposites& each : kOpposites)
      map->try_emplace(looked_up(each.absence), looked_up(each.factor));
    return map;
  }();
  return *built;
}

constexpr std::string_view kPeople =
    "women woman men man patients patient individuals individual children child adults adult adolescents "
    "mothers "
    "mother students participants people persons person those households household respondents workers "
    "infants girls "
    "boys youth elderly residents subjects males females newborns babies families parents caregivers cases";

Term term_of(const Piece& unit, std::string_view text) {
  const Entry& entry = unit.item.entry;
  Term term;
  term.span = unit.item.span;
  term.sentiment = entry.sentiment;
  term.inverse = entry.inverse;
  const std::string own = root(unit.stem);
  term.concept_id = entry.role == Role::content && entry.concept_id != 0 ? entry.concept_id : concept_of(own);
  term.worth = worth_of(own);
  if (unit.phrase.find(' ') != unit.phrase.npos)
    for (const Token& token : tokens(text, unit.item.span))
      if (token.kind == TokenKind::word)
        term.worth = std::max(term.worth, worth_of(root(inflection_stem(token.text))));
  if (entry.role == Role::content && entry.weight < .5F) term.worth *= .5F;
  if (const auto found = absences().find(term.concept_id); found != absences().end())
    term.concept_id = found->second, term.inverse = !term.inverse;
  return term;
}

bool names_something(const Piece& unit) {
  if (unit.item.kind != TokenKind::word) return false;
  const Role role = unit.item.entry.role;
  if (role != Role::content && role != Role::effect && role != Role::flip && role != Role::dose &&
      role != Role::receiving && role != Role::significant && role != Role::observed)
    return false;
  if (unit.item.text.size() < 2 && unit.phrase.size() < 3) return false;
  return !any_of_words(unit.item.text, kNoTerms) || unit.phrase.find(' ') != unit.phrase.npos;
}

}  // namespace

void arrange(Terms& terms) {
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return a.concept_id != b.concept_id ? a.concept_id < b.concept_id : a.span.begin < b.span.begin;
  });
  terms.erase(std::unique(terms.begin(), terms.end(),
                          [](const Term& a, const Term& b) { return a.concept_id == b.concept_id; }),
              terms.end());
}

Terms terms_of(const std::vector<Piece>& units, std::string_view text, std::size_t begin, std::size_t end) {
  Terms terms;
  for (std::size_t i = begin; i < end; ++i)
    if (names_something(units[i])) {
      terms.push_back(term_of(units[i], text));
      // "atorvastatin" is a statin, too.
      constexpr float kOfKind = .6F;
      if (const std::uint64_t parent = units[i].item.entry.parent; parent != 0) {
        Term kind = terms.back();
        kind.concept_id = parent;
        kind.worth *= kOfKind;
        kind.inverse = false;
        terms.push_back(kind);
      }
    }
  arrange(terms);
  return terms;
}

float most_worth(const Terms& terms) {
  float most = 0;
  for (const Term& term : terms) most = std::max(most, term.worth);
  return most;
}

std::vector<Piece> units_of(std::string_view text, const std::vector<Token>& flow) {
  std::vector<Piece> units;
  for (Item& item : look_up(flow)) {
    Piece unit;
    unit.stem = inflection_stem(item.text);
    unit.phrase = item.text;
    const std::string_view raw = text.substr(item.span.begin, item.span.end - item.span.begin);
    if (raw.size() > item.text.size() + 1 && raw.find(' ') != raw.npos && item.kind == TokenKind::word) {
      unit.phrase.clear();
      for (char letter : raw)
        unit.phrase.push_back(letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter);
    }
    unit.item = std::move(item);
    units.push_back(std::move(unit));
  }
  return units;
}

bool is_population_word(std::string_view word) {
  return any_of_words(word, kPeople);
}

}  // namespace medsynth::contradiction
