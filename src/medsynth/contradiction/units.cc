#include "medsynth/contradiction/units.h"

#include <algorithm>
#include <array>

#include "medsynth/contradiction/word_list.h"

namespace medsynth::contradiction {
namespace {

struct Unit {
  std::string_view names;  // separated by spaces, words of a name by '_'
  Dimension dimension;
  double factor;  // to the unit of the dimension
};

constexpr double kDaysPerMonth = 365.25 / 12;

constexpr std::array kUnits{
    Unit{"year years yr yrs", Dimension::time, 12},
    Unit{"decade decades", Dimension::time, 120},
    Unit{"month months mo mos", Dimension::time, 1},
    Unit{"week weeks wk wks", Dimension::time, 7 / kDaysPerMonth},
    Unit{"fortnight fortnights", Dimension::time, 14 / kDaysPerMonth},
    Unit{"day days", Dimension::time, 1 / kDaysPerMonth},
    Unit{"hour hours h hr hrs", Dimension::time, 1 / kDaysPerMonth / 24},
    Unit{"minute minutes min mins", Dimension::time, 1 / kDaysPerMonth / 24 / 60},
    Unit{"second seconds sec secs", Dimension::time, 1 / kDaysPerMonth / 24 / 3600},
    Unit{"kg kilogram kilograms kilo kilos", Dimension::mass, 1e6},
    Unit{"g gram grams gm", Dimension::mass, 1e3},
    Unit{"mg milligram milligrams milligramme milligrammes", Dimension::mass, 1},
    Unit{"ug mcg mu_g microgram micrograms microgramme microgrammes", Dimension::mass, 1e-3},
    Unit{"ng nanogram nanograms", Dimension::mass, 1e-6},
    Unit{"pg picogram picograms", Dimension::mass, 1e-9},
    Unit{"pound pounds lb lbs", Dimension::mass, 453592.37},
    Unit{"ounce ounces oz", Dimension::mass, 28349.523},
    Unit{"l liter liters litre litres", Dimension::volume, 1e3},
    Unit{"dl deciliter deciliters decilitre decilitres", Dimension::volume, 100},
    Unit{"ml cc milliliter milliliters millilitre millilitres", Dimension::volume, 1},
    Unit{"ul mu_l microliter microliters microlitre microlitres", Dimension::volume, 1e-3},
    Unit{"km kilometer kilometers kilometre kilometres", Dimension::length, 1e6},
    Unit{"m meter meters metre metres", Dimension::length, 1e3},
    Unit{"cm centimeter centimeters centimetre centimetres", Dimension::length, 10},
    Unit{"mm millimeter millimeters millimetre millimetres", Dimension::length, 1},
    Unit{"um mu_m micrometer micrometers micrometre micrometres micron microns", Dimension::length, 1e-3},
    Unit{"inch inches", Dimension::length, 25.4},
    Unit{"mol mole moles", Dimension::amount_of_substance, 1e3},
    Unit{"mmol millimole millimoles", Dimension::amount_of_substance, 1},
    Unit{"umol mu_mol micromole micromoles", Dimension::amount_of_substance, 1e-3},
    Unit{"nmol nanomole nanomoles", Dimension::amount_of_substance, 1e-6},
    Unit{"pmol picomole picomoles", Dimension::amount_of_substance, 1e-9},
    Unit{"mmhg mm_hg", Dimension::pressure, 1},
    Unit{"kpa", Dimension::pressure, 7.50062},
    Unit{"kcal kilocalorie kilocalories calorie calories", Dimension::energy, 1},
    Unit{"kj kilojoule kilojoules", Dimension::energy, .239006},
    Unit{"iu u unit units international_units", Dimension::activity, 1},
    Unit{"miu", Dimension::activity, 1e-3},
};

// Concentrations in one word.
constexpr std::array kConcentrations{
    Unit{"mm_concentration millimolar", Dimension::molar_per_volume, 1},
    Unit{"micromolar", Dimension::molar_per_volume, 1e-3},
    Unit{"nanomolar nm_concentration", Dimension::molar_per_volume, 1e-6},
};

struct Analyte {
  std::string_view names;
  double grams_per_mole;
};
constexpr std::array kAnalytes{
    Analyte{"glucose glycemia glycaemia sugar", 180.16},
    Analyte{"cholesterol ldl hdl", 386.65},
    Analyte{"triglyceride triglycerides", 885.7},
    Analyte{"creatinine", 113.12},
    Analyte{"bilirubin", 584.66},
    Analyte{"urea", 60.06},
    Analyte{"bun", 28.01},
    Analyte{"calcium", 40.08},
    Analyte{"magnesium", 24.31},
    Analyte{"phosphate phosphorus", 30.97},
    Analyte{"urate uric", 168.11},
    Analyte{"lactate", 90.08},
};

constexpr std::array<std::string_view, 21> kOnes{
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
constexpr std::array<std::string_view, 8> kTens{"twenty", "thirty",  "forty",  "fifty",
                                                "sixty",  "seventy", "eighty", "ninety"};

constexpr WordList kSpelled(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety");

std::string_view text_at(const std::vector<Token>& tokens, std::size_t at) {
  return at < tokens.size() ? std::string_view(tokens[at].text) : std::string_view();
}

bool listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// How many tokens at `at` are one of `names`; 0: none.
std::size_t named(const std::vector<Token>& tokens, std::size_t at, std::string_view names) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    std::string_view name = names.substr(0, end);
    const std::size_t parts = std::min(name.find('_'), name.size());
    if (text_at(tokens, at) == name.substr(0, parts)) {
      if (parts == name.size()) return 1;
      if (text_at(tokens, at + 1) == name.substr(parts + 1)) return 2;
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return 0;
}

const Unit* plain_unit(const std::vector<Token>& tokens, std::size_t at, std::size_t& size) {
  // The longest name: "mm Hg" is no length.
  const Unit* best = nullptr;
  size = 0;
  if (at >= tokens.size() || tokens[at].kind != TokenKind::word) return nullptr;
  for (const Unit& unit : kUnits)
    if (const std::size_t found = named(tokens, at, unit.names); found > size) best = &unit, size = found;
  return best;
}

std::optional<UnitRead> temperature(const std::vector<Token>& tokens, std::size_t at, double value) {
  std::size_t size = 0;
  if (listed("degrees degree deg", text_at(tokens, at))) ++size;
  const std::string_view name = text_at(tokens, at + size);
  const bool letter = name.size() == 1 && at + size < tokens.size() && tokens[at + size].capitals;
  constexpr double kColdest = 15, kHottest = 45, kColdestF = 59, kHottestF = 113;  // of bodies and rooms
  if (name == "celsius" || name == "centigrade" ||
      (letter && name == "c" && (size > 0 || (value >= kColdest && value <= kHottest))))
    return UnitRead{Dimension::temperature, 1, 0, Per::nothing, size + 1};
  if (name == "fahrenheit" ||
      (letter && name == "f" && (size > 0 || (value >= kColdestF && value <= kHottestF))))
    return UnitRead{Dimension::temperature, 5.0 / 9, -160.0 / 9, Per::nothing, size + 1};
  return std::nullopt;
}

// "daily", "twice a day", "per day", "/kg", "/day" behind an amount.
void read_per(const std::vector<Token>& tokens, std::size_t from, UnitRead& unit) {
  std::size_t at = from + unit.tokens;
  const auto day = [&](double times, std::size_t size) {
    unit.factor *= times;
    unit.per = unit.per == Per::kilogram ? Per::kilogram_and_day : Per::day;
    unit.tokens = at + size - from;
  };
  for (int i = 0; i < 2; ++i, at = from + unit.tokens) {
    std::string_view here = text_at(tokens, at), next = text_at(tokens, at + 1);
    if ((here == "/" || here == "per") && next == "kg") {
      unit.per = Per::kilogram;
      unit.tokens = at + 2 - from;
    } else if ((here == "/" || here == "per") && next.starts_with("m2")) {
      unit.per = Per::square_metre;
      unit.tokens = at + 2 - from;
    } else if (here == "daily" || here == "od" || here == "qd") {
      return day(1, 1);
    } else if (here == "weekly") {
      return day(1.0 / 7, 1);
    } else if (here == "bid" || here == "bd") {
      return day(2, 1);
    } else if (here == "tid" || here == "tds") {
      return day(3, 1);
    } else {
      double times = 1;
      std::size_t size = 0;
      if (here == "once" || here == "twice") {
        times = here == "twice" ? 2 : 1;
        size = 1;
      } else if (const Spelled spelled = spelled_number(tokens, at); spelled.tokens == 1 && next == "times") {
        times = spelled.value;
        size = 2;
      }
      here = text_at(tokens, at + size), next = text_at(tokens, at + size + 1);
      if (size > 0 && here == "daily") return day(times, size + 1);
      if (size > 0 && here == "weekly") return day(times / 7, size + 1);
      if (!listed("/ per a each every", here)) return;
      if (listed("day d 24h", next)) return day(times, size + 2);
      if (listed("week wk", next)) return day(times / 7, size + 2);
      if (listed("hour h hr", next)) return day(times * 24, size + 2);
      return;
    }
  }
}

}  // namespace

std::optional<UnitRead> unit_at(const std::vector<Token>& tokens, std::size_t at, double value) {
  if (text_at(tokens, at) == "-") ++at;  // "5-mg"
  if (const auto found = temperature(tokens, at, value)) return found;
  for (const Unit& unit : kConcentrations)
    if (const std::size_t size = named(tokens, at, unit.names))
      return UnitRead{unit.dimension, unit.factor, 0, Per::nothing, size};
  std::size_t size = 0;
  const Unit* const unit = plain_unit(tokens, at, size);
  if (!unit) return std::nullopt;
  UnitRead out{unit->dimension, unit->factor, 0, Per::nothing, size};
  // "mg/dl", "units per litre"
  const std::string_view over = text_at(tokens, at + size);
  if (over == "/" || over == "per") {
    std::size_t below_size = 0;
    const Unit* const below = plain_unit(tokens, at + size + 1, below_size);
    if (below && below->dimension == Dimension::volume) {
      const double per_litre = 1000 / below->factor;
      const Dimension dimension = unit->dimension == Dimension::mass ? Dimension::mass_per_volume
                                  : unit->dimension == Dimension::amount_of_substance
                                      ? Dimension::molar_per_volume
                                      : Dimension::activity_per_volume;
      return UnitRead{dimension, unit->factor * per_litre, 0, Per::nothing, size + 1 + below_size};
    }
  }
  if (out.dimension != Dimension::time) read_per(tokens, at, out);
  return out;
}

Spelled spelled_number(const std::vector<Token>& tokens, std::size_t at) {
  const std::string_view here = text_at(tokens, at);
  if (!kSpelled.has(here)) return {};
  const std::string_view next = text_at(tokens, at + 1);
  const auto one = std::find(kOnes.begin(), kOnes.end(), here);
  const auto ten = std::find(kTens.begin(), kTens.end(), here);
  if (ten != kTens.end()) {
    const double tens = 10.0 * static_cast<double>(ten - kTens.begin() + 2);
    const auto digit = std::find(kOnes.begin() + 1, kOnes.begin() + 10, next);
    if (digit != kOnes.begin() + 10) return {tens + static_cast<double>(digit - kOnes.begin()), 2};
    return {tens, 1};
  }
  if (one == kOnes.end()) return {};
  const double value = static_cast<double>(one - kOnes.begin());
  if (next == "hundred") return {100 * value, 2};
  if (next == "thousand") return {1000 * value, 2};
  return {value, 1};
}

double molar_mass_of(const std::vector<Token>& sentence) {
  double found = 0;
  for (const Token& token : sentence)
    for (const Analyte& analyte : kAnalytes)
      if (listed(analyte.names, token.text)) {
        if (found != 0 && found != analyte.grams_per_mole) return 0;
        found = analyte.grams_per_mole;
      }
  return found;
}

}  // namespace medsynth::contradiction
