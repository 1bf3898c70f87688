#include "medsynth/contradiction/findings/section.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace medsynth::contradiction {
namespace {

struct Label {
  std::string_view name;  // as it stands at the start of a section, in lower case
  Section section;
};

// Longest first where one begins like another.
constexpr std::array kLabels{
    Label{"methodology/principal findings", Section::mixed},
    Label{"methodology and principal findings", Section::mixed},
    Label{"methods and principal findings", Section::mixed},
    Label{"methods/principal findings", Section::mixed},
    Label{"methods and findings", Section::mixed},
    Label{"methods and results", Section::mixed},
    Label{"methods & findings", Section::mixed},
    Label{"methods/findings", Section::mixed},
    Label{"design and results", Section::mixed},
    Label{"principal findings", Section::results},
    Label{"main findings", Section::results},
    Label{"key findings", Section::results},
    Label{"main results", Section::results},
    Label{"findings", Section::results},
    Label{"results and discussion", Section::results},
    Label{"results and conclusions", Section::results},
    Label{"results/conclusions", Section::results},
    Label{"results", Section::results},
    Label{"result", Section::results},
    Label{"data synthesis", Section::results},
    Label{"conclusions/significance", Section::conclusions},
    Label{"conclusions and significance", Section::conclusions},
    Label{"conclusions and relevance", Section::conclusions},
    Label{"conclusion and relevance", Section::conclusions},
    Label{"conclusions/interpretation", Section::conclusions},
    Label{"conclusion/significance", Section::conclusions},
    Label{"authors' conclusions", Section::conclusions},
    Label{"conclusions", Section::conclusions},
    Label{"conclusion", Section::conclusions},
    Label{"interpretation", Section::conclusions},
    Label{"discussion", Section::conclusions},
    Label{"significance", Section::conclusions},
    Label{"background and objectives", Section::background},
    Label{"background and purpose", Section::background},
    Label{"background and aims", Section::background},
    Label{"background and aim", Section::background},
    Label{"background/aims", Section::background},
    Label{"background/objectives", Section::background},
    Label{"background/objective", Section::background},
    Label{"background", Section::background},
    Label{"introduction", Section::background},
    Label{"rationale", Section::background},
    Label{"importance", Section::background},
    Label{"context", Section::background},
    Label{"objectives", Section::background},
    Label{"objective", Section::background},
    Label{"study objectives", Section::background},
    Label{"aims", Section::background},
    Label{"aim", Section::background},
    Label{"purpose", Section::background},
    Label{"hypothesis", Section::background},
    Label{"materials and methods", Section::methods},
    Label{"material and methods", Section::methods},
    Label{"patients and methods", Section::methods},
    Label{"subjects and methods", Section::methods},
    Label{"design and methods", Section::methods},
    Label{"methods/design", Section::methods},
    Label{"methodology", Section::methods},
    Label{"methods", Section::methods},
    Label{"method", Section::methods},
    Label{"study design", Section::methods},
    Label{"research design and methods", Section::methods},
    Label{"design", Section::methods},
    Label{"setting and participants", Section::methods},
    Label{"settings", Section::methods},
    Label{"setting", Section::methods},
    Label{"participants", Section::methods},
    Label{"patients", Section::methods},
    Label{"interventions", Section::methods},
    Label{"intervention", Section::methods},
    Label{"main outcome measures", Section::methods},
    Label{"main outcomes and measures", Section::methods},
    Label{"main outcome measure", Section::methods},
    Label{"measurements", Section::methods},
    Label{"outcome measures", Section::methods},
    Label{"data sources", Section::methods},
    Label{"data extraction", Section::methods},
    Label{"study selection", Section::methods},
    Label{"selection criteria", Section::methods},
    Label{"search methods", Section::methods},
    Label{"trial registration", Section::other},
    Label{"clinical trial registration", Section::other},
    Label{"registration", Section::other},
    Label{"author summary", Section::other},
    Label{"plain language summary", Section::other},
    Label{"keywords", Section::other},
    Label{"key words", Section::other},
    Label{"funding", Section::other},
    Label{"research approval", Section::other},
    Label{"limitations", Section::other},
};

// Letters that stand alone as ordinary words, too: only a colon makes them labels.
bool needs_colon(std::string_view name) {
  constexpr std::array<std::string_view, 8> kWords{"design",        "patients",    "participants",
                                                   "result",        "setting",     "intervention",
                                                   "interventions", "significance"};
  return std::find(kWords.begin(), kWords.end(), name) != kWords.end();
}

char lower(char letter) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
}
bool is_upper(char letter) {
  return letter >= 'A' && letter <= 'Z';
}
bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}
bool is_blank(char letter) {
  return static_cast<unsigned char>(letter) <= ' ';
}

struct Found {
  Section section;
  std::size_t end;  // of the label, its colon and blanks
};

// A label that begins at `at`.
const Label* label_at(std::string_view text, std::size_t at) {
  if (!is_upper(text[at])) return nullptr;
  const Label* best = nullptr;
  for (const Label& label : kLabels) {
    if (best && label.name.size() <= best->name.size()) continue;
    if (text.size() - at < label.name.size()) continue;
    if (std::equal(label.name.begin(), label.name.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                   [](char a, char b) { return a == lower(b); }))
      best = &label;
  }
  return best;
}

bool read_label(std::string_view text, std::size_t at, Found& found) {
  const Label* const label = label_at(text, at);
  if (!label) return false;
  std::size_t end = at + label->name.size();
  const char next = end < text.size() ? text[end] : ' ';
  const bool capitals = is_upper(text[end - 1]);
  if (next == ':' || (next == '.' && end + 1 < text.size() && is_blank(text[end + 1]))) {
    ++end;
  } else if (needs_colon(label->name)) {
    return false;
  } else if (is_blank(next)) {
    // "Results The ...", not "Results of ..." or "Conclusions from".
    std::size_t after = end;
    while (after < text.size() && is_blank(text[after])) ++after;
    if (after < text.size() && text[after] == ':') after = after + 1, end = after;
    while (after < text.size() && is_blank(text[after])) ++after;
    if (after < text.size() && !is_upper(text[after]) && !is_digit(text[after]) && text[end - 1] != ':' &&
        next != '\n')
      return false;
  } else if (!is_upper(next) || capitals) {  // "ResultsWe"
    return false;
  }
  while (end < text.size() && is_blank(text[end])) ++end;
  found = {label->section, end};
  return true;
}

// Before a label: the start, or the end of a sentence.
bool may_begin_section(std::string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_blank(text[before - 1])) --before;
  if (before == 0) return true;
  const char last = text[before - 1];
  if (last == '.' || last == '?' || last == '!' || last == ';') return true;
  // "(p < 0.001)Conclusions ..." and "... (ICES)  Results The"
  return last == ')' || last == ']' || (before < at && text[before] == '\n');
}

// Does the part that ends at `end` end within brackets, or in the middle of a number?
bool goes_on(std::string_view text, Span part, std::size_t next) {
  constexpr std::size_t kLongestBracket = 400;
  int depth = 0;
  std::size_t opened = part.end;
  const std::size_t from = part.end - part.begin > kLongestBracket ? part.end - kLongestBracket : part.begin;
  for (std::size_t at = from; at < part.end; ++at) {
    if (text[at] == '(' || text[at] == '[') {
      if (depth++ == 0) opened = at;
    } else if (text[at] == ')' || text[at] == ']') {
      depth = std::max(0, depth - 1);
    }
  }
  if (depth > 0 && part.end - opened < kLongestBracket) {
    const std::size_t close = text.find_first_of(")]", next);
    if (close != std::string_view::npos && close - opened < kLongestBracket) return true;
  }
  // "AOR: 0. 08"
  return part.end - part.begin >= 2 && text[part.end - 1] == '.' && is_digit(text[part.end - 2]) &&
         next < text.size() && is_digit(text[next]) &&
         (part.end - part.begin < 3 || !is_digit(text[part.end - 3]));
}

class Splitter {
 public:
  Splitter(std::string_view text, std::vector<Sentence>& out) : text_(text), out_(out) {}

  void part(std::size_t begin, std::size_t end, Section section) {
    std::vector<Span> spans;
    for (Span span : sentences(text_.substr(begin, end - begin))) {
      span.begin += begin, span.end += begin;
      for (const Span& each : fused(span)) {
        if (!spans.empty() && goes_on(text_, spans.back(), each.begin))
          spans.back().end = each.end;
        else
          spans.push_back(each);
      }
    }
    for (const Span& span : spans) out_.push_back({span, section});
  }

 private:
  // "... since 2004.The prevalence ..." is two.
  std::vector<Span> fused(Span span) const {
    std::vector<Span> parts;
    std::size_t begin = span.begin;
    for (std::size_t at = span.begin + 2; at + 2 < span.end; ++at) {
      if (text_[at] != '.' || !is_upper(text_[at + 1])) continue;
      const char before = text_[at - 1], after = text_[at + 2];
      const bool word =
          (before >= 'a' && before <= 'z' && text_[at - 2] >= 'a') || before == ')' || before == '%';
      if (!word || !(after >= 'a' && after <= 'z')) continue;
      parts.push_back({begin, at + 1});
      begin = at + 1;
    }
    parts.push_back({begin, span.end});
    return parts;
  }

  std::string_view text_;
  std::vector<Sentence>& out_;
};

// "We measured", "this study", "the aim": from here on it is about the study itself.
bool speaks_of_the_study(std::string_view text, const Span& sentence) {
  const std::vector<Token> words = tokens(text, sentence);
  const auto any_of = [](std::string_view word, std::initializer_list<std::string_view> among) {
    return std::find(among.begin(), among.end(), word) != among.end();
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (any_of(words[i].text, {"we", "our", "us", "aim", "aims", "aimed", "objective", "objectives",
                               "purpose", "herein", "patients", "participants"}))
      return true;
    if (i > 0 &&
        any_of(words[i].text, {"study", "paper", "article", "review", "trial", "analysis", "report"}) &&
        any_of(words[i - 1].text, {"this", "present", "current"}))
      return true;
  }
  return false;
}

// An abstract without labels begins with what others found.
void part_from_background(std::string_view text, std::vector<Sentence>& sentences) {
  constexpr std::size_t kFewest = 5;  // of fewer, the first may be the finding
  if (sentences.size() < kFewest) return;
  for (std::size_t i = 0; 2 * i <= sentences.size(); ++i) {
    if (!speaks_of_the_study(text, sentences[i].span)) continue;
    for (std::size_t k = 0; k < i; ++k)
      if (sentences[k].section == Section::unlabelled) sentences[k].section = Section::background;
    return;
  }
}

}  // namespace

std::vector<Sentence> read_sections(std::string_view abstract) {
  std::vector<Sentence> out;
  Splitter splitter(abstract, out);
  Section section = Section::unlabelled;
  std::size_t begin = 0;
  bool structured = false;
  for (std::size_t at = 0; at < abstract.size();) {
    Found found{};
    if (!read_label(abstract, at, found) || !may_begin_section(abstract, at)) {
      ++at;
      continue;
    }
    splitter.part(begin, at, section);
    // What follows a summary for lay readers says it all again.
    if (section != Section::other || begin == 0) section = found.section;
    structured |= reports_findings(found.section);
    begin = at = std::max(found.end, at + 1);
  }
  splitter.part(begin, abstract.size(), section);
  // Labels without results ("Background ...") tell nothing apart.
  if (!structured) {
    for (Sentence& sentence : out)
      if (sentence.section != Section::other) sentence.section = Section::unlabelled;
    part_from_background(abstract, out);
  }
  return out;
}

bool reports_findings(Section section) {
  return section != Section::background && section != Section::methods && section != Section::other;
}

}  // namespace medsynth::contradiction
