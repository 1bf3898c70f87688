#include "medsynth/contradiction/findings/denials.h"

#include <algorithm>
#include <array>

#include "medsynth/contradiction/findings/cues.h"
#include "medsynth/contradiction/findings/notes.h"

namespace medsynth::contradiction {
namespace {

// A word that denies, unless another stands before it or behind it.
struct DenialRow {
  std::string_view words;
  std::string_view only_before = "";  // the next word is one of these
  std::string_view only_after = "";   // the word before is
  std::string_view not_before = "";
  std::string_view not_after = "";
};

// Who was compared, not what was found: "no treatment", "patients with no history of".
constexpr std::string_view kNamesAGroup =
    "with versus vs to and or received receiving than for of having had";

constexpr std::array kRows{
    DenialRow{
        "never neither nor none nothing cannot unchanged unaffected unaltered unrelated unassociated "
        "uncorrelated similarly comparable comparably equivalent identical similar equal equally alike "
        "indistinguishable ineffective inefficacious useless futile futility failed fail fails failing "
        "unlikely "
        "nonsignificant insignificant negligible trivial little neutral null nil zero unity noninferior "
        "unnecessary unproven unsupported unsubstantiated refute refuted refutes disproves disproved lack "
        "lacks "
        "lacked lacking absence doubt doubts doubtful doubted"},
    DenialRow{.words = "same", .not_before = "time period day year patients study dose"},
    DenialRow{.words = "not", .not_before = "only just merely all necessarily", .not_after = "or"},
    DenialRow{.words = "no", .not_before = "doubt question", .not_after = kNamesAGroup},
    DenialRow{.words = "no",
              .only_before = "effect effects benefit benefits difference differences association relation "
                             "relationship link evidence impact influence advantage significant more better "
                             "change improvement reduction increase",
              .only_after = kNamesAGroup},
    DenialRow{.words = "without",
              .only_before =
                  "effect effects benefit benefits any clinically significant significantly "
                  "difference affecting influencing altering changing improving reducing evidence"},
    DenialRow{.words = "against",
              .only_after = "argue argues argued arguing evidence speak speaks spoke advise recommend weigh "
                            "weighs decide"},
    DenialRow{.words = "independent", .only_before = "of"},
    DenialRow{.words = "independently", .only_before = "of"},
    DenialRow{.words = "insufficient", .only_before = "evidence data support"},
    DenialRow{.words = "like", .only_before = "rate rates extent degree"},
    DenialRow{.words = "non",
              .only_before = "significant significantly inferior inferiority superior superiority different"},
};

// "those who did not", "a control group that had not": who, not what.
bool speaks_of_people(const std::vector<Token>& words, std::size_t at) {
  return at >= 2 && any_of_words(words[at - 1].text, "did do does had have has were are was is") &&
         any_of_words(words[at - 2].text, "who which that those or");
}

bool denies_at(const std::vector<Token>& words, std::size_t at) {
  const std::string& word = words[at].text;
  if (word.ends_with("n't")) return !speaks_of_people(words, at + 1);
  const std::string_view before = at > 0 ? std::string_view(words[at - 1].text) : "",
                         behind = at + 1 < words.size() ? std::string_view(words[at + 1].text) : "";
  for (const DenialRow& row : kRows) {
    if (!any_of_words(word, row.words)) continue;
    if (!row.only_before.empty() && !any_of_words(behind, row.only_before)) continue;
    if (!row.only_after.empty() && !any_of_words(before, row.only_after)) continue;
    if (any_of_words(behind, row.not_before) || any_of_words(before, row.not_after)) continue;
    if (word == "not" && speaks_of_people(words, at)) continue;
    return true;
  }
  // "was as frequent with A as with B", not "was as high as 40 %", "twice as often as"
  if (word != "as" || !any_of_words(before, "was were is are be been occurred just") ||
      any_of_words(behind, "a an well far soon long much many few high low expected compared"))
    return false;
  constexpr std::size_t kNear = 10;
  for (std::size_t i = at + 2; i < words.size() && i < at + kNear; ++i)
    if (words[i].text == "as") return true;
  return false;
}

// Estimates and p-values, none of which is significant.
bool nothing_is_significant(const std::vector<Note>& notes) {
  bool some = false;
  for (const Note& note : notes) {
    const auto significant = note.estimate && note.estimate->significant() ? note.estimate->significant()
                             : note.p ? std::optional<bool>(note.p->significant())
                                      : std::nullopt;
    if (significant == true) return false;
    some |= significant == false;
  }
  return some;
}

// Where the clauses of a sentence end: bytes.
std::vector<std::size_t> ends_of_clauses(const std::vector<Token>& words, const Span& sentence) {
  std::vector<std::size_t> ends;
  constexpr std::string_view kBegin = "but although though however while whereas yet despite";
  bool concedes = false;  // "Although ..., "
  for (const Token& token : words) {
    if (any_of_words(token.text, kBegin) || token.text == ";") {
      if (token.span.begin > sentence.begin) ends.push_back(token.span.begin);
      concedes = any_of_words(token.text, "although though while whereas despite");
    } else if (concedes && token.text == ",") {
      ends.push_back(token.span.begin);
      concedes = false;
    }
  }
  ends.push_back(sentence.end);
  return ends;
}

}  // namespace

void find_denials(std::string_view text, const Span& sentence, std::vector<Finding>& findings) {
  std::vector<Note> notes;
  const std::vector<Token> words = take_notes(tokens(text, sentence), notes);
  const std::vector<std::size_t> ends = ends_of_clauses(words, sentence);
  const auto clause_of = [&](std::size_t byte) {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end() - 1, byte) - ends.begin());
  };
  std::vector<char> denied(ends.size()), found(ends.size());
  for (const Finding& finding : findings)
    if (finding.sentence == sentence && !finding.unclear) found[clause_of(finding.cue.begin)] = 1;
  bool everywhere = nothing_is_significant(notes);
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (!denies_at(words, at)) continue;
    const std::size_t clause = clause_of(words[at].span.begin);
    denied[clause] = 1;
    everywhere |= found[clause] == 0;
  }
  const bool anywhere = everywhere || std::find(denied.begin(), denied.end(), 1) != denied.end();
  const bool speaks = std::find(found.begin(), found.end(), 1) != found.end();
  for (Finding& finding : findings)
    if (finding.sentence == sentence && !finding.unclear)
      finding.denies |= everywhere || denied[clause_of(finding.cue.begin)] != 0;
    else if (!speaks)
      finding.denies |= anywhere;
}

}  // namespace medsynth::contradiction
