#include "medsynth/contradiction/pairs_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/jobs/jobs.h"

namespace medsynth::contradiction {

// One line of a jsonl file.
struct PairLine {
  std::string claim1, claim2;
  Label label = Label::no_contradiction;
  std::optional<json::value> id;  // numbers are ids too
  std::optional<std::string> category;
};
BOOST_DESCRIBE_STRUCT(PairLine, (), (claim1, claim2, label, id, category))

// One entry of an NLI4CT file, with the field names of that data set.
struct TrialStatement {
  std::string Type;
  std::string Section_id;
  std::string Primary_id;
  std::optional<std::string> Secondary_id;
  std::string Statement;
  std::string Label;
};
BOOST_DESCRIBE_STRUCT(TrialStatement, (), (Type, Section_id, Primary_id, Secondary_id, Statement, Label))

}  // namespace medsynth::contradiction

namespace medsynth::described {
template <>
struct Rules<contradiction::PairLine> {
  static constexpr bool open = true;
  static constexpr std::array fields{Field{.name = "claim1", .min_size = 1, .max_size = jobs::kMaxTextBytes},
                                     Field{.name = "claim2", .min_size = 1, .max_size = jobs::kMaxTextBytes}};
};
template <>
struct Rules<contradiction::TrialStatement> {
  static constexpr bool open = true;
  static constexpr std::array fields{
      Field{.name = "Statement", .min_size = 1, .max_size = jobs::kMaxTextBytes}};
};
}  // namespace medsynth::described

namespace medsynth::contradiction {
namespace {

// More faults than a person reads are counted only.
constexpr std::size_t kMaxFaults = 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

class Faults {
 public:
  void add(const std::string& where, std::string_view field, std::string detail) {
    ++count_;
    if (faults_.size() < kMaxFaults)
      faults_.push_back({field.empty() ? where : fmt::format("{}, {}", where, field), std::move(detail)});
  }
  // The faults of a described struct; their pointers are those of members.
  void add(const std::string& where, const Error& error) {
    for (const Fault& fault : error.faults)
      add(where, fault.pointer.starts_with('/') ? fault.pointer.substr(1) : fault.pointer, fault.detail);
    if (error.faults.empty()) add(where, "", error.message);
  }
  bool empty() const { return count_ == 0; }
  Error error() && {
    Error error{Code::invalid_argument,
                count_ == 1 ? std::string("there is a fault in the file of pairs:")
                            : fmt::format("there are {} faults in the file of pairs{}:", count_,
                                          count_ > faults_.size() ? "; the first ones" : ""),
                "bad_pairs", std::move(faults_)};
    return error;
  }

 private:
  std::size_t count_ = 0;
  std::vector<Fault> faults_;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

Result<std::vector<LabelledPair>> finish(std::vector<LabelledPair> pairs, Faults faults) {
  if (pairs.empty() && faults.empty()) faults.add("line 1", "", "there is no pair: the file is empty");
  if (!faults.empty()) return std::move(faults).error();
  return pairs;
}

Result<std::vector<LabelledPair>> read_jsonl(std::string_view text) {
  std::vector<LabelledPair> pairs;
  Faults faults;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    auto read = described::parse<PairLine>(line);
    if (!read) {
      faults.add(fmt::format("line {}", number), read.error());
      continue;
    }
    std::string id;
    if (read->id) id = read->id->is_string() ? std::string(read->id->get_string()) : json::write(*read->id);
    pairs.push_back({std::move(read->claim1), std::move(read->claim2), read->label, std::move(id),
                     read->category.value_or("")});
  }
  return finish(std::move(pairs), std::move(faults));
}

// A column by its name, whatever its case; also when it is not there.
std::optional<std::size_t> column(const CsvRecord& head, std::string_view name) {
  for (std::size_t i = 0; i < head.fields.size(); ++i)
    if (lower(trimmed(head.fields[i])) == name) return i;
  return std::nullopt;
}

std::optional<Label> healthver_label(std::string_view written) {
  const std::string label = lower(written);
  if (label.starts_with("refute")) return Label::contradiction;
  if (label.starts_with("support") || label == "neutral") return Label::no_contradiction;
  return std::nullopt;
}

Result<std::vector<LabelledPair>> read_healthver(std::string_view text) {
  BOOST_OUTCOME_TRY(const auto records, read_csv(text));
  Faults faults;
  if (records.empty()) return finish({}, {});
  const CsvRecord& head = records.front();
  const auto evidence = column(head, "evidence"), claim = column(head, "claim"),
             label = column(head, "label"), id = column(head, "id");
  for (const auto& [name, at] : {std::pair("evidence", evidence), {"claim", claim}, {"label", label}})
    if (!at) faults.add("line 1", name, "there is no such column; HealthVer has id, evidence, claim, label");
  if (!faults.empty()) return std::move(faults).error();
  std::vector<LabelledPair> pairs;
  for (const CsvRecord& record : std::span(records).subspan(1)) {
    const std::string where = fmt::format("line {}", record.line);
    const auto field = [&](std::optional<std::size_t> at) -> std::string_view {
      return at && *at < record.fields.size() ? trimmed(record.fields[*at]) : std::string_view();
    };
    const auto meant = healthver_label(field(label));
    if (!meant) faults.add(where, "label", "must be Supports, Refutes or Neutral");
    for (const auto& [name, at] : {std::pair("evidence", evidence), {"claim", claim}}) {
      if (field(at).empty()) faults.add(where, name, "must not be empty");
      if (field(at).size() > jobs::kMaxTextBytes) faults.add(where, name, "is too long: shorten it");
    }
    if (meant)
      pairs.push_back({std::string(field(evidence)), std::string(field(claim)), *meant,
                       std::string(field(id)), std::string(field(label))});
  }
  return finish(std::move(pairs), std::move(faults));
}

// A section of a trial report: an array of lines.
Result<std::string> section_of(const TrialReader& trial, const std::string& id, const std::string& name) {
  BOOST_OUTCOME_TRY(const std::string text, trial(id));
  BOOST_OUTCOME_TRY(const auto report, json::parse(text));
  const json::value* section = report.is_object() ? report.get_object().if_contains(name) : nullptr;
  if (!section || !section->is_array())
    return invalid("Section_id", fmt::format("the report of {} has no section '{}'", id, name));
  std::string out;
  for (const json::value& line : section->get_array()) {
    if (!line.is_string()) continue;
    const auto words = trimmed(line.get_string());
    if (!words.empty()) out += (out.empty() ? "" : "\n") + std::string(words);
  }
  if (out.empty()) return invalid("Section_id", fmt::format("section '{}' of {} is empty", name, id));
  return out;
}

Result<LabelledPair> read_statement(const std::string& id, const json::value& entry,
                                    const TrialReader& trial) {
  BOOST_OUTCOME_TRY(auto statement, described::from_value<TrialStatement>(entry));
  const std::string label = lower(statement.Label);
  if (label != "entailment" && label != "contradiction")
    return invalid("Label", "must be Entailment or Contradiction");
  BOOST_OUTCOME_TRY(std::string premise, section_of(trial, statement.Primary_id, statement.Section_id));
  if (statement.Secondary_id) {
    BOOST_OUTCOME_TRY(const auto second, section_of(trial, *statement.Secondary_id, statement.Section_id));
    premise = fmt::format("Primary trial:\n{}\nSecondary trial:\n{}", premise, second);
  }
  if (premise.size() > jobs::kMaxTextBytes)
    return invalid("Section_id", fmt::format("the section has {} bytes; at most {} are judged: leave it out",
                                             premise.size(), jobs::kMaxTextBytes));
  return LabelledPair{std::move(premise), std::move(statement.Statement),
                      label == "contradiction" ? Label::contradiction : Label::no_contradiction, id,
                      statement.Type + ", " + statement.Section_id};
}

Result<std::vector<LabelledPair>> read_nli4ct(std::string_view text, const TrialReader& trial) {
  BOOST_OUTCOME_TRY(const auto file, json::parse(text));
  Faults faults;
  if (!file.is_object()) {
    faults.add("line 1", "", "must be an object of statements by their ids, as NLI4CT's train.json is");
    return std::move(faults).error();
  }
  std::vector<LabelledPair> pairs;
  for (const auto& [id, entry] : file.get_object()) {
    auto pair = read_statement(std::string(id), entry, trial);
    if (pair)
      pairs.push_back(std::move(*pair));
    else
      faults.add(fmt::format("entry {}", std::string_view(id)), pair.error());
  }
  return finish(std::move(pairs), std::move(faults));
}

}  // namespace

Result<std::vector<CsvRecord>> read_csv(std::string_view text) {
  std::vector<CsvRecord> records;
  CsvRecord record;
  std::string field;
  std::size_t line = 1;
  bool quoted = false, blank = true;  // blank: nothing of the record yet
  record.line = line;
  const auto end_record = [&] {
    if (!blank) {
      record.fields.push_back(std::move(field));
      records.push_back(std::move(record));
    }
    record = {.line = line};
    field.clear();
    blank = true;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (letter == '\n') ++line;
    if (quoted) {
      if (letter != '"') {
        field += letter;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else {
        quoted = false;
      }
    } else if (letter == '"' && field.empty()) {
      quoted = true;
      blank = false;
    } else if (letter == ',') {
      record.fields.push_back(std::move(field));
      field.clear();
      blank = false;
    } else if (letter == '\n') {
      end_record();
    } else if (letter != '\r') {
      field += letter;
      blank = false;
    }
  }
  if (quoted) {
    Faults faults;
    faults.add(fmt::format("line {}", record.line), "", "has a quote that is not closed");
    return std::move(faults).error();
  }
  end_record();
  return records;
}

Result<std::vector<LabelledPair>> read_pairs(std::string_view text, Format format, const TrialReader& trial) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  switch (format) {
    case Format::healthver:
      return read_healthver(text);
    case Format::nli4ct:
      return read_nli4ct(text, trial);
    default:
      return read_jsonl(text);
  }
}

}  // namespace medsynth::contradiction
