#include "medsynth/contradiction/readings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace medsynth::contradiction {
namespace {

// Below `low` the first condition is asserted, above `high` the second, between `normal_from` and `normal_to`
// both are denied. Limits: MedlinePlus Medical Encyclopedia (vital signs, laboratory ranges), WHO (anaemia,
// body mass index, preterm birth), rounded outwards.
struct Reading {
  std::string_view names;    // separated by spaces, words of a name by '_'
  double smallest, largest;  // of a plausible value: "BP 3" is something else
  double low, normal_from, normal_to, high;
  std::string_view when_low, when_high;  // concepts, by the first word of their row
  std::string_view of = "";              // what is measured, likewise: "kidney function is normal"
};
constexpr std::array kReadings{
    Reading{"temp temperature tmax", 30, 45, 35, 36, 37.6, 38, "", "fever"},
    Reading{"temp temperature tmax", 90, 110, 95, 97, 99.6, 100.4, "", "fever"},
    Reading{"hr heart_rate pulse pulse_rate", 20, 250, 55, 60, 100, 105, "bradycardia", "tachycardia"},
    Reading{"rr respiratory_rate", 5, 60, 8, 12, 20, 24, "", "tachypnea"},
    Reading{"bp blood_pressure sbp systolic", 40, 260, 90, 100, 130, 140, "hypotension", "hypertension",
            "blood_pressure"},
    Reading{"o2_sat spo2 sat sats o2_saturation oxygen_saturation saturation", 40, 100, 90, 95, 100, 101,
            "hypoxia", ""},
    Reading{"hemoglobin haemoglobin hgb hb", 3, 22, 11, 12.5, 17, 18, "anemia", "", "hemoglobin"},
    Reading{"hematocrit haematocrit hct", 10, 65, 33, 37, 51, 54, "anemia", ""},
    Reading{"creatinine cr creat", .2, 20, 0, .5, 1.2, 1.6, "", "kidney_failure", "renal_function"},
    Reading{"wbc white_count white_cell_count", 1, 60, 3.5, 4, 11, 12, "leukopenia", "leukocytosis",
            "white_blood_cell"},
    Reading{"platelets plt platelet_count", 3, 900, 130, 150, 450, 500, "thrombocytopenia", ""},
    Reading{"potassium k", 1.5, 9, 3.3, 3.5, 5.2, 5.5, "hypokalemia", "hyperkalemia"},
    Reading{"sodium na", 100, 180, 132, 135, 146, 148, "hyponatremia", "hypernatremia"},
    Reading{"glucose blood_sugar bg fingerstick", 20, 1200, 65, 70, 140, 200, "hypoglycemia", "hyperglycemia",
            "blood_glucose"},
    Reading{"ef ejection_fraction lvef", 5, 85, 45, 52, 80, 100, "heart_failure", "", "ejection_fraction"},
    Reading{"bmi body_mass_index", 10, 80, 18.5, 19, 25, 30, "underweight", "obesity"},
    Reading{"alt ast", 3, 20000, 0, 5, 45, 100, "", "liver_injury", "liver_function"},
    Reading{"bilirubin", .1, 60, 0, .1, 1.2, 2.5, "", "liver_injury", "liver_function"},
    Reading{"troponin", 0, 100, 0, 0, .01, .1, "", "myocardial_infarction"},
    Reading{"lactate", .3, 30, 0, .4, 2, 4, "", "sepsis"},
    Reading{"apgar apgars apgar_scores", 0, 10, 6, 7, 10, 11, "low_apgar", ""},
};

bool matches(const std::vector<Token>& tokens, std::size_t at, std::string_view name, std::size_t& size) {
  size = 0;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('_'), name.size());
    if (at + size >= tokens.size() || tokens[at + size].text != name.substr(0, end)) return false;
    ++size;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return true;
}

// How many tokens name `reading` at `at`; 0: none.
std::size_t named(const std::vector<Token>& tokens, std::size_t at, const Reading& reading) {
  std::string_view names = reading.names;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    std::size_t size = 0;
    if (matches(tokens, at, names.substr(0, end), size)) return size;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return 0;
}

bool parse(const Token& token, double& value) {
  if (token.kind != TokenKind::number) return false;
  return std::from_chars(token.text.data(), token.text.data() + token.text.size(), value).ec == std::errc{};
}

// The value that belongs to the name: within a few words, "was 14.2", "in the 140s", "of 20%".
bool value_after(const std::vector<Token>& tokens, std::size_t at, double& value, std::size_t& where) {
  constexpr std::size_t kReach = 5;
  for (where = at; where < tokens.size() && where < at + kReach; ++where) {
    if (parse(tokens[where], value)) return true;
    const std::string& text = tokens[where].text;
    if (tokens[where].kind == TokenKind::symbol && text != ":" && text != "=" && text != "(") return false;
  }
  return false;
}

}  // namespace

void add_readings(const std::vector<Token>& tokens, Words& words) {
  const auto add = [&](std::string_view concept_name, bool denied, Span span) {
    if (concept_name.empty() || words.size() >= kMaxWords) return;
    Word word{concept_of(concept_name), 1, 0, span};
    word.denied = denied;
    words.push_back(word);
  };
  if (std::none_of(tokens.begin(), tokens.end(),
                   [](const Token& token) { return token.kind == TokenKind::number; }))
    return;
  const bool is_birth = std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return token.text == "born" || token.text == "delivered" || token.text == "delivery";
  });
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (tokens[at].kind != TokenKind::word) continue;
    for (const Reading& reading : kReadings) {
      const std::size_t size = named(tokens, at, reading);
      double value = 0;
      std::size_t where = 0;
      if (size == 0 || !value_after(tokens, at + size, value, where)) continue;
      if (value < reading.smallest || value > reading.largest) continue;
      const Span span{tokens[at].span.begin, tokens[where].span.end};
      const bool normal = value >= reading.normal_from && value <= reading.normal_to;
      if (value < reading.low || normal) add(reading.when_low, normal, span);
      if (value > reading.high || normal) add(reading.when_high, normal, span);
      if (value < reading.low || value > reading.high || normal) {
        add("abnormal", normal, span);
        add(reading.of, false, span);
      }
      break;
    }
    // "28 weeks gestation", "at 39 weeks"
    double weeks = 0;
    const bool gestation =
        at + 1 < tokens.size() && tokens[at].text == "weeks" &&
        (tokens[at + 1].text == "gestation" || tokens[at + 1].text == "gestational" || is_birth);
    if (gestation && at > 0 && parse(tokens[at - 1], weeks) && weeks > 20 && weeks < 45)
      add("preterm_birth", weeks >= 37, tokens[at - 1].span);
  }
}

}  // namespace medsynth::contradiction
