// RIS, MEDLINE, EndNote's tagged format and Web of Science's: each line begins with a tag or goes on with the
// value of the line before it. They differ in what a tag looks like, what ends a record, and what the tags
// mean.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_tag_character(char c) {
  return is_capital(c) || (c >= '0' && c <= '9');
}

struct Line {
  std::string_view tag;  // empty: goes on with the one before
  std::string_view value;
};

// "TY  - JOUR", with at least `spaces` before the dash.
std::optional<Line> ris_line(std::string_view line, std::size_t spaces) {
  if (line.size() < 4 || !is_capital(line[0]) || !is_tag_character(line[1]) || line[2] != ' ')
    return std::nullopt;
  std::size_t at = 2;
  while (at < line.size() && at < 5 && line[at] == ' ') ++at;
  if (at < 2 + spaces || at >= line.size() || line[at] != '-') return std::nullopt;
  // Behind two spaces the dash may stand alone ("TI  -A title"); behind one it would be that of a word.
  if (at + 1 < line.size() && line[at + 1] != ' ' && at < 4) return std::nullopt;
  return Line{line.substr(0, 2), line.substr(at + 1)};
}

// "PMID- 123", "TI  - ...": four characters and a dash, and mostly a space.
std::optional<Line> medline_line(std::string_view line) {
  if (line.size() < 5 || line[4] != '-' || !is_capital(line[0])) return std::nullopt;
  std::size_t end = 0;
  while (end < 4 && is_tag_character(line[end])) ++end;
  if (end < 2 || line.substr(end, 4 - end).find_first_not_of(' ') != line.npos) return std::nullopt;
  return Line{line.substr(0, end), line.substr(5)};
}

// "%T A title".
std::optional<Line> endnote_line(std::string_view line) {
  if (line.size() < 2 || line[0] != '%' || line[1] == ' ' || (line.size() > 2 && line[2] != ' '))
    return std::nullopt;
  return Line{line.substr(1, 1), line.substr(std::min<std::size_t>(3, line.size()))};
}

// "TI A title"; what goes on is indented.
std::optional<Line> web_of_science_line(std::string_view line) {
  if (line.size() < 2 || !is_capital(line[0]) || !is_tag_character(line[1]) ||
      (line.size() > 2 && line[2] != ' '))
    return std::nullopt;
  return Line{line.substr(0, 2), line.substr(std::min<std::size_t>(3, line.size()))};
}

struct Tag {
  std::string_view tag;
  Meaning meaning;
};
// In order of preference: of a meaning that has one value, the first tag that says something counts.
constexpr std::array kRis{Tag{"TI", Meaning::title},
                          Tag{"T1", Meaning::title},
                          Tag{"CT", Meaning::title},
                          Tag{"AB", Meaning::abstract},
                          Tag{"N2", Meaning::abstract},
                          Tag{"PY", Meaning::year},
                          Tag{"Y1", Meaning::year},
                          Tag{"YR", Meaning::year},
                          Tag{"DA", Meaning::year},
                          Tag{"JF", Meaning::journal},
                          Tag{"T2", Meaning::journal},
                          Tag{"JO", Meaning::journal},
                          Tag{"JT", Meaning::journal},
                          Tag{"J2", Meaning::journal},
                          Tag{"JA", Meaning::journal},
                          Tag{"BT", Meaning::journal},
                          Tag{"AU", Meaning::author},
                          Tag{"A1", Meaning::author},
                          Tag{"DO", Meaning::doi},
                          Tag{"DI", Meaning::doi},
                          Tag{"L3", Meaning::doi},
                          Tag{"PM", Meaning::pmid},
                          Tag{"LA", Meaning::language},
                          Tag{"UR", Meaning::url},
                          Tag{"L2", Meaning::url},
                          Tag{"ID", Meaning::id},
                          Tag{"AN", Meaning::id},
                          Tag{"TY", Meaning::publication_type},
                          Tag{"M3", Meaning::publication_type},
                          Tag{"PT", Meaning::publication_type},
                          Tag{"N1", Meaning::note}};
constexpr std::array kMedline{Tag{"TI", Meaning::title},
                              Tag{"BTI", Meaning::title},
                              Tag{"TT", Meaning::title},
                              Tag{"AB", Meaning::abstract},
                              Tag{"OAB", Meaning::abstract},
                              Tag{"DP", Meaning::year},
                              Tag{"DEP", Meaning::year},
                              Tag{"JT", Meaning::journal},
                              Tag{"TA", Meaning::journal},
                              Tag{"FAU", Meaning::author},
                              Tag{"CN", Meaning::author},
                              Tag{"PMID", Meaning::pmid},
                              Tag{"PT", Meaning::publication_type},
                              Tag{"LA", Meaning::language},
                              Tag{"OWN", Meaning::note}};
constexpr std::array kEndnote{Tag{"T", Meaning::title},
                              Tag{"X", Meaning::abstract},
                              Tag{"D", Meaning::year},
                              Tag{"8", Meaning::year},
                              Tag{"J", Meaning::journal},
                              Tag{"B", Meaning::journal},
                              Tag{"A", Meaning::author},
                              Tag{"R", Meaning::doi},
                              Tag{"G", Meaning::language},
                              Tag{"U", Meaning::url},
                              Tag{"M", Meaning::id},
                              Tag{"0", Meaning::publication_type},
                              Tag{"9", Meaning::publication_type},
                              Tag{"Z", Meaning::note}};
constexpr std::array kWebOfScience{
    Tag{"TI", Meaning::title},    Tag{"AB", Meaning::abstract}, Tag{"PY", Meaning::year},
    Tag{"PD", Meaning::year},     Tag{"EA", Meaning::year},     Tag{"SO", Meaning::journal},
    Tag{"AF", Meaning::author},   Tag{"DI", Meaning::doi},      Tag{"PM", Meaning::pmid},
    Tag{"LA", Meaning::language}, Tag{"UT", Meaning::id},       Tag{"DT", Meaning::publication_type},
    Tag{"UR", Meaning::url}};

std::span<const Tag> tags_of(Format format) {
  switch (format) {
    case Format::medline:
      return kMedline;
    case Format::endnote_tagged:
      return kEndnote;
    case Format::web_of_science:
      return kWebOfScience;
    default:
      return kRis;
  }
}

struct Field {
  std::string tag;
  std::string value;  // lines joined by line breaks
  std::int64_t line = 0;
};

const Field* find(const std::vector<Field>& fields, std::string_view tag) {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field& each) { return each.tag == tag; });
  return found == fields.end() ? nullptr : &*found;
}

bool says(const Field* field, std::string_view word) {
  return field && lower(field->value).find(word) != std::string::npos;
}

// Each line of the value is one author.
void put_authors(Reference& reference, std::string_view value) {
  for (std::size_t from = 0; from <= value.size();) {
    const std::size_t to = std::min(value.find('\n', from), value.size());
    put(reference, Meaning::author, value.substr(from, to - from));
    from = to + 1;
  }
}

// What a program writes into a tag that others use for something else.
void put_by_dialect(Reference& reference, Format format, const std::vector<Field>& fields) {
  if (format == Format::ris) {
    // Accession numbers are PubMed's where the database says so; Scopus has the PMID in C2, Embase in C5.
    const Field *accession = find(fields, "AN"), *database = find(fields, "DB"),
                *provider = find(fields, "DP");
    if (accession && (says(database, "pubmed") || says(database, "medline") || says(provider, "nlm")))
      put(reference, Meaning::pmid, accession->value);
    for (const std::string_view tag : {"C2", "C5"}) {
      if (const Field* field = find(fields, tag); field && field->value.size() >= 5)
        put(reference, Meaning::pmid, field->value);
    }
    // The title of a book, where nothing in it is meant.
    if (const Field* book = find(fields, "BT"); book && reference.title.empty()) {
      put(reference, Meaning::title, book->value);
      reference.journal.clear();
    }
    // Cochrane: "PUBMED 123,EMBASE 456".
    for (const Field& each : fields)
      if (const std::size_t at = lower(each.value).find("pubmed ");
          each.tag == "C3" && at != std::string::npos)
        put(reference, Meaning::pmid,
            each.value.substr(at + 7, each.value.find_first_of(",;\n", at) - at - 7));
    if (const Field* m3 = find(fields, "M3")) put(reference, Meaning::doi, m3->value);
    for (const Field& each : fields) {
      if (each.tag == "TY" && lower(each.value).find("retr") != std::string::npos) reference.retracted = true;
    }
  } else if (format == Format::medline) {
    if (reference.authors.empty()) {
      for (const Field& each : fields)
        if (each.tag == "AU") put_authors(reference, each.value);
    }
    for (const Field& each : fields) {
      const bool location = each.tag == "LID" || each.tag == "AID";
      if (location && each.value.find("[doi]") != std::string::npos) put(reference, Meaning::doi, each.value);
      if (each.tag == "RIN") reference.retracted = true;  // "Retraction in"
    }
    reference.id = reference.pmid;
  } else if (format == Format::web_of_science && reference.authors.empty()) {
    if (const Field* au = find(fields, "AU")) put_authors(reference, au->value);
  }
}

Reference reference_of(Format format, const std::vector<Field>& fields) {
  Reference reference;
  reference.line = fields.front().line;
  for (const Tag& tag : tags_of(format)) {
    // Some programs write an abstract twice, as AB and N2.
    if (tag.meaning == Meaning::abstract && !reference.abstract.empty()) continue;
    for (const Field& each : fields) {
      if (each.tag != tag.tag) continue;
      if (tag.meaning == Meaning::author)
        put_authors(reference, each.value);
      else
        put(reference, tag.meaning, each.value);
    }
  }
  put_by_dialect(reference, format, fields);
  finish(reference);
  return reference;
}

// What databases write above a record: "12. " (Ovid), "Record #12 of 20" (Cochrane), "Provider: ..." (JSTOR).
bool is_heading(std::string_view line) {
  for (const std::string_view beginning : {"Record #", "Provider:", "Database:", "Content:"})
    if (line.starts_with(beginning)) return true;
  const std::string number = trimmed(line);
  return number.find_first_not_of("0123456789.<>") == number.npos;
}

class Reader {
 public:
  explicit Reader(Format format) : format_(format) {}

  Part read(std::string_view text) {
    // A program that writes one space does so everywhere; elsewhere "CT - guided" is a line of an abstract.
    if (text.starts_with("TY - ") || text.find("\nTY - ") != text.npos) spaces_ = 1;
    std::int64_t number = 0;
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t to = std::min(text.find('\n', from), text.size());
      std::string_view line = text.substr(from, to - from);
      while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      read_line(line, ++number);
      from = to + 1;
    }
    if (!fields_.empty() && ends_with_mark() && !is_stray())
      warn(fields_.front().line, "the file ends in the middle of this record; what is there was read");
    end_record();
    if (strays_ > 0)
      warn(stray_,
           strays_ == 1
               ? "this line belongs to no record, and was passed over (with those that follow it up to "
                 "the next record)"
               : fmt::format("this line belongs to no record, and was passed over, as were others in "
                             "{} more places between records",
                             strays_ - 1));
    std::ranges::sort(part_.warnings, {}, &Warning::line);
    return std::move(part_);
  }

 private:
  bool ends_with_mark() const { return format_ == Format::ris || format_ == Format::web_of_science; }

  void warn(std::int64_t line, std::string detail) {
    part_.warnings.push_back({line, std::move(detail), ""});
  }

  std::optional<Line> parse(std::string_view line) const {
    switch (format_) {
      case Format::medline:
        return medline_line(line);
      case Format::endnote_tagged:
        return endnote_line(line);
      case Format::web_of_science:
        return web_of_science_line(line);
      default:
        return ris_line(line, spaces_);
    }
  }

  void read_line(std::string_view line, std::int64_t number) {
    if (line.find_first_not_of(" \t") == line.npos) return blank();
    const auto parsed = parse(line);
    if (!parsed) return go_on(line, number);
    if (parsed->tag == "ER" && ends_with_mark()) return end_record();
    if (format_ == Format::web_of_science &&
        (parsed->tag == "FN" || parsed->tag == "VR" || parsed->tag == "EF"))
      return;
    if (begins_record(parsed->tag)) {
      if (!fields_.empty() && ends_with_mark() && !is_stray())
        warn(number,
             "a record begins before the one above has ended (its line ER is missing); both were read");
      end_record();
    }
    blank_ = false;
    fields_.push_back({std::string(parsed->tag), trimmed(parsed->value), number});
  }

  bool begins_record(std::string_view tag) const {
    switch (format_) {
      case Format::ris:
        return tag == "TY" && !fields_.empty();
      case Format::medline:
        return find(fields_, "PMID") ? tag == "PMID" : blank_;
      case Format::endnote_tagged:
        return find(fields_, "0") ? tag == "0" : blank_ && find(fields_, "T") && tag != "X";
      default:
        return tag == "PT" && !fields_.empty();
    }
  }

  void blank() {
    if (!fields_.empty()) blank_ = true;
  }

  // A line without a tag belongs to the value above.
  void go_on(std::string_view line, std::int64_t number) {
    if (fields_.empty()) return is_heading(line) ? void() : pass_over(number);
    std::string& value = fields_.back().value;
    if (!value.empty()) value += '\n';
    value += trimmed(line);
  }

  // What stands behind a record's end and says nothing that is known: "NL  - Lancet" of Ovid.
  bool is_stray() const {
    return format_ == Format::ris && std::none_of(fields_.begin(), fields_.end(), [](const Field& field) {
             return std::any_of(kRis.begin(), kRis.end(),
                                [&](const Tag& tag) { return tag.tag == field.tag; });
           });
  }

  void pass_over(std::int64_t number) {
    if (std::exchange(between_, true)) return;
    if (++strays_ == 1) stray_ = number;
  }

  void end_record() {
    if (!fields_.empty() && is_stray())
      pass_over(fields_.front().line);
    else if (!fields_.empty())
      part_.references.push_back(reference_of(format_, fields_));
    between_ = false;
    blank_ = false;
    fields_.clear();
  }

  Format format_;
  Part part_;
  std::vector<Field> fields_;
  bool blank_ = false;       // an empty line came behind the last field
  std::size_t spaces_ = 2;   // of RIS, between a tag and its dash
  std::int64_t strays_ = 0;  // places between records with lines that belong to none
  std::int64_t stray_ = 0;   // the first line of them
  bool between_ = false;     // such lines came since the last record
};

}  // namespace

Part read_tagged(std::string_view text, Format format) {
  return Reader(format).read(text);
}

}  // namespace medsynth::references
