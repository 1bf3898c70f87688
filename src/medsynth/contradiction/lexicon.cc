#include "medsynth/contradiction/lexicon.h"

#include <algorithm>
#include <array>
#include <functional>
#include <unordered_map>

#include "medsynth/contradiction/lexicon_tables.h"

namespace medsynth::contradiction {
namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using Map = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

struct Stems {
  std::string text, stem, root;
};

// Terms are told by their roots ("cardiac failures"), phrases that steer by their inflection stems: "relative
// to" and "related to" have one root.
struct Phrase {
  std::vector<Stems> words;
  bool by_root = false;
  Entry entry;

  bool is_at(std::span<const Stems> text) const {
    if (words.size() > text.size()) return false;
    for (std::size_t i = 0; i < words.size(); ++i)
      if (by_root ? words[i].root != text[i].root : words[i].stem != text[i].stem) return false;
    return !participle() || words[0].text == text[0].text;
  }
  // "raised blood pressure" is a condition, "raises blood pressure" is not.
  bool participle() const { return by_root && words[0].text.ends_with("ed"); }
};

// Function words are known by their letters, effects by their inflection stem. Terms are known by their
// letters, else by their stem, else by their root: "participants" are not those who participate, "rats" are
// no rate.
struct Lexicon {
  Map<Entry> capitals, exact, stems, roots;
  Map<std::vector<Phrase>>
      phrases;  // by the root of the first word; longest first, then the row that came first
};

Stems stems_of(std::string_view word) {
  Stems stems{.text = std::string(word), .stem = inflection_stem(word), .root = {}};
  stems.root = root(stems.stem);
  return stems;
}

std::string root_of(std::string_view word) {
  return stems_of(word).root;
}

template <class Visit>
void each_word(std::string_view words, char separator, Visit&& visit) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(separator), words.size());
    if (end > 0) visit(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

void add_phrase(Lexicon& lexicon, std::string_view joined, const Entry& entry, bool by_root) {
  Phrase phrase{.words = {}, .by_root = by_root, .entry = entry};
  each_word(joined, '_', [&](std::string_view word) { phrase.words.push_back(stems_of(word)); });
  std::vector<Phrase>& known = lexicon.phrases[phrase.words.front().root];
  const auto shorter = [&](const Phrase& each) { return each.words.size() < phrase.words.size(); };
  known.insert(std::find_if(known.begin(), known.end(), shorter), std::move(phrase));
}

std::string lower(std::string_view word) {
  std::string out(word);
  for (char& letter : out)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  return out;
}

void add_term(Lexicon& lexicon, std::string_view word, const Entry& entry) {
  const Stems stems = stems_of(word);
  lexicon.exact.try_emplace(stems.text, entry);
  lexicon.stems.try_emplace(stems.stem, entry);
  lexicon.roots.try_emplace(stems.root, entry);
}

const Entry* find(const Map<Entry>& in, std::string_view word) {
  const auto found = in.find(word);
  return found == in.end() ? nullptr : &found->second;
}

// What steers comes first, unless it is asked for a name.
const Entry* find_entry(const Lexicon& lexicon, const Stems& stems, bool names_only) {
  const Entry* const exact = find(lexicon.exact, stems.text);
  const bool steers = exact && exact->role != Role::content;
  if (steers && !names_only) return exact;
  const Entry* const stem = find(lexicon.stems, stems.stem);
  if (stem && stem->role != Role::content && !names_only) return stem;
  if (exact && !steers) return exact;
  if (stem && stem->role == Role::content) return stem;
  return find(lexicon.roots, stems.root);
}

void add_terms(Lexicon& lexicon, const TermRow& row) {
  Entry entry{.weight = row.weight,
              .sentiment = static_cast<std::int8_t>(row.sentiment == 2 ? 0 : row.sentiment)};
  const std::uint64_t row_concept = concept_of(row.words.substr(0, row.words.find(' ')));
  each_word(row.words, ' ', [&](std::string_view word) {
    if (word.front() == '<') entry.parent = concept_of(word.substr(1));
  });
  const std::uint64_t parent = entry.parent;
  each_word(row.words, ' ', [&](std::string_view word) {
    if (word.front() == '<') return;
    entry.inverse = word.front() == '-';
    const bool rival = word.front() == '~';
    if (entry.inverse || rival) word.remove_prefix(1);
    if (row.same) entry.concept_id = rival ? rival_of(row_concept) : row_concept;
    // What excludes a kind excludes its genus only where the genus has a rival too.
    entry.parent = rival && parent != 0 ? rival_of(parent) : parent;
    entry.rival = rival;
    if (!row.same)
      entry.concept_id = concept_of(word.find('_') == word.npos ? root_of(word) : std::string(word));
    if (word.front() == '=')
      lexicon.capitals.try_emplace(lower(word.substr(1)), entry);
    else if (word.find('_') != word.npos)
      add_phrase(lexicon, word, entry, true);
    else
      add_term(lexicon, word, entry);
  });
}

Lexicon build() {
  Lexicon lexicon;
  for (const RoleRow& row : role_rows())
    each_word(row.words, ' ', [&](std::string_view word) {
      const Entry entry{.role = row.role, .weight = 0};
      if (word.find('_') != word.npos)
        add_phrase(lexicon, word, entry, false);
      else
        lexicon.exact.try_emplace(std::string(word), entry);
    });
  for (const EffectRow& row : effect_rows())
    each_word(row.words, ' ', [&](std::string_view word) {
      Entry entry{.role = Role::effect, .weight = 0, .outcomes = row.outcomes, .axis = row.axis};
      entry.carrier = row.kind == EffectRow::carrier || row.kind == EffectRow::soft_carrier;
      entry.soft = row.kind == EffectRow::soft_carrier;
      entry.comparing = row.kind == EffectRow::comparing;
      if (word.find('_') != word.npos)
        add_phrase(lexicon, word, entry, false);
      else
        lexicon.stems.try_emplace(inflection_stem(word), entry);
    });
  for (const TermSection& section : term_sections())
    for (const TermRow& row : section.rows) add_terms(lexicon, row);
  return lexicon;
}

const Lexicon& lexicon() {
  static const Lexicon* const built = new Lexicon(build());  // never destroyed: threads may outlive main
  return *built;
}

// Endings that name diseases: more of them is bad, whichever they are.
bool names_a_disease(std::string_view stem) {
  for (std::string_view ending :
       {"itis", "itiz", "osis", "osiz", "emia", "oma", "pathi", "algia", "plegia", "phobia", "penia"})
    if (stem.size() > ending.size() + 2 && stem.ends_with(ending)) return true;
  return false;
}

// What "nontender", "nonsmoker", "unvaccinated" are not; empty for other words.
std::string_view denied_by_prefix(std::string_view word) {
  constexpr std::string_view kNon = "non", kUn = "un";
  if (word.starts_with(kNon) && word.size() > kNon.size() + 4) return word.substr(kNon.size());
  const bool participle = word.ends_with("ed") && !word.starts_with("under") && word.size() > kUn.size() + 5;
  return word.starts_with(kUn) && participle ? word.substr(kUn.size()) : std::string_view();
}

// "drug A", "type B": a letter that names. Not at the start, where "A" is the article; not I, n and p.
bool is_label(const Token& token, bool first) {
  return !first && token.capitals && token.text.size() == 1 &&
         std::string_view("inp").find(token.text[0]) == std::string_view::npos;
}

Entry entry_of(const Token& token, const Stems& stems, bool first) {
  const Lexicon& known = lexicon();
  if (token.kind != TokenKind::word) return Entry{.role = Role::stop, .weight = 0};
  if (is_label(token, first)) return Entry{.concept_id = concept_of(token.text)};
  if (token.capitals && token.text.size() > 1)
    if (const auto found = known.capitals.find(token.text); found != known.capitals.end())
      return found->second;
  if (const Entry* const entry = find_entry(known, stems, false)) return *entry;
  if (const std::string_view rest = denied_by_prefix(token.text); !rest.empty())
    return complement_of(name_of(rest));
  Entry entry{.concept_id = concept_of(stems.root)};
  if (names_a_disease(stems.stem)) entry.sentiment = -1;
  return entry;
}

// "hepatitis B", "drug A", "cohort 2": the label makes it another thing of its kind.
void join_labels(std::vector<Item>& items) {
  const auto is_numbered = [](const Item& item) {
    constexpr std::array<std::string_view, 8> kNumbered{"arm",   "cohort", "group", "type",
                                                        "phase", "grade",  "stage", "cluster"};
    return std::find(kNumbered.begin(), kNumbered.end(), item.text) != kNumbered.end();
  };
  const auto is_letter = [](const Item& item) {
    return item.kind == TokenKind::word && item.text.size() == 1 && item.entry.role == Role::content &&
           item.entry.concept_id == concept_of(item.text);
  };
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i, ++kept) {
    if (kept != i) items[kept] = std::move(items[i]);
    Item& item = items[kept];
    if (item.entry.role != Role::content || i + 1 == items.size()) continue;
    const Item& label = items[i + 1];
    const bool number = label.kind == TokenKind::number && label.text.size() == 1 && is_numbered(item);
    if (!number && !is_letter(label)) continue;
    item.entry.parent = item.entry.concept_id;
    item.entry.concept_id = concept_of(std::to_string(item.entry.concept_id) + label.text);
    item.entry.weight = std::max(item.entry.weight, .6F);
    item.span.end = label.span.end;
    item.joined = label.joined;
    ++i;
  }
  items.resize(kept);
}

// The longest known phrase that the text begins with; nullptr for none.
const Phrase* phrase_at(std::span<const Stems> text) {
  const auto found = lexicon().phrases.find(text.front().root);
  if (found == lexicon().phrases.end()) return nullptr;
  for (const Phrase& phrase : found->second)
    if (phrase.is_at(text)) return &phrase;
  return nullptr;
}

}  // namespace

std::string_view citation(Source source) {
  switch (source) {
    case Source::mesh:
      return "Medical Subject Headings, National Library of Medicine: descriptors and their entry terms";
    case Source::medlineplus:
      return "MedlinePlus Medical Encyclopedia, National Library of Medicine";
    case Source::inn:
      return "International Nonproprietary Names (WHO), United States Adopted Names";
    case Source::atc:
      return "Anatomical Therapeutic Chemical classification, WHO Collaborating Centre for Drug Statistics";
    case Source::hgnc:
      return "HUGO Gene Nomenclature Committee: approved symbols, names and aliases";
    case Source::english:
      return "General English: any dictionary";
    case Source::abstracts:
      return "Usage in abstracts, collected by us";
    case Source::notes:
      return "Usage in clinical notes, collected by us";
  }
  return "";
}

std::vector<TermSection> term_sections() {
  std::vector<TermSection> all;
  for (const auto part :
       {state_sections(), light_sections(), condition_sections(), treatment_sections(), other_sections()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Entry name_of(std::string_view word) {
  const Stems stems = stems_of(word);
  const Entry* const term = find_entry(lexicon(), stems, true);
  return term ? *term : Entry{.concept_id = concept_of(stems.root)};
}

Entry complement_of(Entry entry) {
  constexpr float kNamesPeople = .8F;  // "untreated": although "treatment" alone says little
  entry.role = Role::content;
  entry.concept_id = rival_of(entry.concept_id);
  entry.parent = 0;
  entry.weight = std::max(entry.weight, kNamesPeople);
  entry.complement = !entry.complement;
  return entry;
}

std::uint64_t concept_of(std::string_view root) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: the same everywhere, so results are too
  for (char letter : root) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  return hash;
}

std::vector<Item> look_up(std::span<const Token> tokens) {
  std::vector<Stems> stems;
  stems.reserve(tokens.size());
  for (const Token& token : tokens)
    stems.push_back(token.kind == TokenKind::word ? stems_of(token.text)
                                                  : Stems{token.text, token.text, token.text});
  std::vector<Item> items;
  items.reserve(tokens.size());
  for (std::size_t i = 0; i < tokens.size();) {
    const Phrase* phrase = phrase_at(std::span(stems).subspan(i));
    // "Salt raised blood pressure": the verb.
    if (phrase && phrase->participle() && !items.empty() && items.back().entry.role == Role::content)
      phrase = nullptr;
    const std::size_t count = phrase ? phrase->words.size() : 1;
    const Token& last = tokens[i + count - 1];
    items.push_back({{tokens[i].span.begin, last.span.end},
                     tokens[i].kind,
                     last.joined,
                     tokens[i].text,
                     phrase ? phrase->entry : entry_of(tokens[i], stems[i], i == 0)});
    i += count;
  }
  join_labels(items);
  // "Cortisol falls during ..." is no accident; "fewer falls in ..." is.
  for (std::size_t i = 1; i < items.size(); ++i) {
    const bool falls = items[i].text == "falls" || items[i].text == "fall";
    if (!falls || items[i - 1].kind != TokenKind::word || items[i - 1].entry.role != Role::content) continue;
    const bool ends = i + 1 == items.size() || items[i + 1].kind == TokenKind::symbol;
    if (ends || items[i + 1].entry.role == Role::preposition)
      items[i].entry = Entry{.role = Role::effect, .weight = 0, .outcomes = kLess};
  }
  return items;
}

}  // namespace medsynth::contradiction
