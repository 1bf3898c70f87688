// Tables: RFC 4180 with any of four delimiters, quoted fields with line breaks in them, and columns found by
// their names. Also Embase's table with a field in each row.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/text.h"
#include "medsynth/references/fields.h"
#include "medsynth/references/formats.h"

namespace medsynth::references {
namespace {

struct Row {
  std::vector<std::string> cells;
  std::int64_t line = 0;
  bool open = false;  // a quote that was not closed before the text ended
};

class Rows {
 public:
  Rows(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {
    // Excel's own first line, "sep=;".
    if (text.starts_with("sep=") && text.find('\n') == 5) at_ = 6, line_ = 2;
  }

  // The next row that is not empty; nothing at the end.
  std::optional<Row> next() {
    while (at_ < text_.size()) {
      Row row = read();
      const bool empty = std::all_of(row.cells.begin(), row.cells.end(),
                                     [](const std::string& cell) { return trimmed(cell).empty(); });
      if (!empty) return row;
    }
    return std::nullopt;
  }

 private:
  Row read() {
    Row row;
    row.line = line_;
    while (true) {
      row.cells.push_back(cell(row));
      if (at_ >= text_.size()) return row;
      const char c = text_[at_++];
      if (c == delimiter_) continue;
      if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
      ++line_;
      return row;
    }
  }

  // Up to the delimiter or the line's end, which is not taken.
  std::string cell(Row& row) {
    std::string out;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size(); ++at_) {
        if (text_[at_] == '\n') ++line_;
        if (text_[at_] != '"') {
          out += text_[at_];
        } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
          out += '"';
          ++at_;
        } else {
          break;
        }
      }
      if (at_ >= text_.size())
        row.open = true;
      else
        ++at_;
    }
    const std::size_t end =
        std::min(text_.find_first_of(std::array{delimiter_, '\n', '\r', '\0'}.data(), at_), text_.size());
    out += text_.substr(at_, end - at_);
    at_ = end;
    return out;
  }

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

std::optional<Meaning> meaning_of(std::string_view column, const ReadOptions& options) {
  for (const auto& [meaning, name] : options.columns) {
    if (trimmed(name) == trimmed(column)) return meaning_of_column(meaning);
  }
  const auto found = meaning_of_column(column);
  // A column that somebody named stands for its meaning alone.
  for (const auto& [meaning, name] : options.columns) {
    if (found && meaning_of_column(meaning) == found) return std::nullopt;
  }
  return found;
}

bool is_about(const std::vector<std::optional<Meaning>>& meanings, Meaning wanted) {
  return std::find(meanings.begin(), meanings.end(), std::optional(wanted)) != meanings.end();
}

Error no_columns(const std::vector<std::string>& names) {
  std::string seen;
  for (const std::string& name : names) {
    if (seen.size() > 300) {
      seen += ", ...";
      break;
    }
    seen += (seen.empty() ? "" : ", ") + printable(std::string_view(trimmed(name)).substr(0, 60));
  }
  return invalid(
      "/columns",
      fmt::format("this table has no column of titles or abstracts; its columns are: {}. Say which one "
                  "it is: --column abstract=NAME (over HTTP: ?abstract=NAME)",
                  seen));
}

// Embase's other table: "TITLE","..." in one row, "ABSTRACT","..." in a later one; each TITLE begins a
// record.
bool has_fields_in_rows(std::string_view text, char delimiter) {
  Rows rows(text, delimiter);
  int titles = 0, abstracts = 0, looked = 0;
  for (auto row = rows.next(); row && looked < 200; row = rows.next(), ++looked) {
    const std::string name = lower(trimmed(row->cells[0]));
    titles += name == "title";
    abstracts += name == "abstract";
  }
  return titles >= 1 && abstracts >= 1 && looked > 2;
}

Part read_fields_in_rows(std::string_view text, char delimiter, const ReadOptions& options) {
  Part part;
  Rows rows(text, delimiter);
  for (auto row = rows.next(); row; row = rows.next()) {
    const auto meaning = meaning_of(row->cells[0], options);
    if (meaning == Meaning::title || part.references.empty()) {
      part.references.emplace_back();
      part.references.back().line = row->line;
    }
    for (std::size_t i = 1; meaning && i < row->cells.size(); ++i)
      put(part.references.back(), *meaning == Meaning::authors ? Meaning::author : *meaning, row->cells[i]);
  }
  for (Reference& each : part.references) finish(each);
  return part;
}

// Whether there is something behind the last column that has a name: Web of Science ends its rows with a
// delimiter, which says nothing.
bool says_more(const Row& row, std::size_t columns) {
  return std::any_of(row.cells.begin() + static_cast<std::ptrdiff_t>(std::min(columns, row.cells.size())),
                     row.cells.end(), [](const std::string& cell) { return !trimmed(cell).empty(); });
}

// How many columns of the first row are known by name.
std::size_t known_columns(std::string_view text, char delimiter) {
  const auto row = Rows(text, delimiter).next();
  if (!row || row->cells.size() < 2) return 0;
  return static_cast<std::size_t>(
      std::count_if(row->cells.begin(), row->cells.end(),
                    [](const std::string& cell) { return meaning_of_column(cell).has_value(); }));
}

}  // namespace

std::optional<char> delimiter_of(std::string_view text) {
  std::optional<char> best;
  std::size_t most = 0;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const std::size_t known = known_columns(text, delimiter);
    if (known > most) {
      most = known;
      best = delimiter;
    }
  }
  return best;
}

std::optional<char> delimiter_of_rows(std::string_view text) {
  std::optional<char> best;
  std::size_t most = 1;
  for (const char delimiter : {'\t', ';', '|', ','}) {
    Rows rows(text, delimiter);
    const auto first = rows.next(), second = rows.next();
    if (!first || !second || first->cells.size() != second->cells.size() || first->cells.size() <= most)
      continue;
    most = first->cells.size();
    best = delimiter;
  }
  return best;
}

Result<Part> read_csv(std::string_view text, const ReadOptions& options) {
  const auto known = delimiter_of(text);
  const char delimiter = known ? *known : delimiter_of_rows(text).value_or(',');
  if (has_fields_in_rows(text, delimiter)) return read_fields_in_rows(text, delimiter, options);

  Rows rows(text, delimiter);
  const auto header = rows.next();
  if (!header) return invalid("", "the table is empty");
  std::vector<std::optional<Meaning>> meanings;
  for (const std::string& name : header->cells) meanings.push_back(meaning_of(name, options));
  for (const auto& [meaning, name] : options.columns) {
    const auto is_it = [&](const std::string& cell) { return trimmed(cell) == trimmed(name); };
    if (!meaning_of_column(meaning))
      return invalid("/columns/" + meaning,
                     "is not something that a column can mean; title, abstract, year, journal, authors, doi, "
                     "pmid, publication_types, language, url and id are");
    if (std::none_of(header->cells.begin(), header->cells.end(), is_it))
      return invalid("/columns/" + meaning, fmt::format("the table has no column '{}'", printable(name)));
  }
  if (!is_about(meanings, Meaning::title) && !is_about(meanings, Meaning::abstract))
    return no_columns(header->cells);

  Part part;
  for (auto row = rows.next(); row; row = rows.next()) {
    Reference reference;
    reference.line = row->line;
    const std::size_t columns = std::min(row->cells.size(), meanings.size());
    for (std::size_t i = 0; i < columns; ++i) {
      if (!meanings[i]) continue;
      // Of several columns of abstracts ("Abstract", "Summary") or authors ("Authors", "Author full names")
      // the first that says something.
      if (*meanings[i] == Meaning::abstract && !reference.abstract.empty()) continue;
      if (*meanings[i] == Meaning::authors && !reference.authors.empty()) continue;
      put(reference, *meanings[i], row->cells[i]);
    }
    if (row->open)
      part.warnings.push_back(
          {row->line,
           "a quotation mark that opens in this row is never closed: the rest of the file was read as "
           "part of it",
           ""});
    else if (row->cells.size() < meanings.size() || says_more(*row, meanings.size()))
      part.warnings.push_back(
          {row->line,
           fmt::format("this row has {} columns and the first row {}; it was read as far as they go",
                       row->cells.size(), meanings.size()),
           ""});
    finish(reference);
    part.references.push_back(std::move(reference));
  }
  return part;
}

}  // namespace medsynth::references
