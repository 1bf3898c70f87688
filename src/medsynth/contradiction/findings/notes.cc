#include "medsynth/contradiction/findings/notes.h"

#include <algorithm>
#include <charconv>

namespace medsynth::contradiction {
namespace {

constexpr std::size_t kMostNotes = 64;

bool opens(const Token& token) {
  return token.text == "(" || token.text == "[";
}
bool closes(const Token& token) {
  return token.text == ")" || token.text == "]";
}

std::optional<double> number(const Token& token) {
  double value = 0;
  if (token.kind != TokenKind::number) return std::nullopt;
  const auto [end, error] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// "(1.36, 1.01-1.92)", "1.11 [1.06; 1.17]": a value within its interval, the ratio's name said before.
std::optional<Estimate> bare(const std::vector<Token>& tokens) {
  std::vector<double> numbers;
  std::size_t first = 0, last = 0;
  for (std::size_t i = 0; i < tokens.size() && numbers.size() < 3; ++i) {
    if (tokens[i].text == "%" || tokens[i].text == "/") return std::nullopt;
    if (tokens[i].kind == TokenKind::word && !(tokens[i].text == "ci" || tokens[i].text == "to"))
      return std::nullopt;
    const auto found = number(tokens[i]);
    if (!found) continue;
    if (numbers.empty()) first = i;
    last = i;
    numbers.push_back(*found);
  }
  if (numbers.size() != 3 || numbers[0] <= 0 || numbers[1] <= 0 || numbers[0] > 200) return std::nullopt;
  if (numbers[1] > numbers[0] || numbers[2] < numbers[0] || numbers[1] == numbers[2]) return std::nullopt;
  Estimate estimate;
  estimate.value = numbers[0], estimate.low = numbers[1], estimate.high = numbers[2];
  estimate.span = {tokens[first].span.begin, tokens[last].span.end};
  return estimate;
}

// "AOR: 0. 08": one number.
std::vector<Token> mended(const std::vector<Token>& tokens) {
  std::vector<Token> out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i + 2 < tokens.size() && tokens[i].text == "0" && tokens[i + 1].text == "." &&
        tokens[i + 2].kind == TokenKind::number && tokens[i + 2].text.find('.') == std::string::npos) {
      Token token = tokens[i];
      token.text = "0." + tokens[i + 2].text;
      token.span.end = tokens[i + 2].span.end;
      out.push_back(std::move(token));
      i += 2;
    } else {
      out.push_back(tokens[i]);
    }
  }
  return out;
}

// "aPR 0.85", "PR = 1.3": ratios that have no other name here.
std::vector<Token> with_known_names(std::vector<Token> tokens) {
  for (Token& token : tokens)
    if (token.text == "apr" || token.text == "pr" || token.text == "arr" || token.text == "rrr" ||
        token.text == "cor" || token.text == "aprr" || token.text == "prr" || token.text == "exp" ||
        token.text == "ahrs" || token.text == "adjor" || token.text == "ors")
      token.text = "aor", token.capitals = true;
  return tokens;
}

}  // namespace

std::vector<Token> take_notes(const std::vector<Token>& sentence, std::vector<Note>& notes) {
  const std::vector<Token> read = with_known_names(mended(sentence));
  Quantities found;
  read_quantities(read, found);
  for (const Estimate& estimate : found.estimates)
    if (notes.size() < kMostNotes) notes.push_back({estimate.span.begin, estimate, std::nullopt});
  for (const PValue& p : found.p_values)
    if (notes.size() < kMostNotes) notes.push_back({p.span.begin, std::nullopt, p});
  const auto known = [&](const Token& token) {
    const auto holds = [&](const auto& each) {
      return token.span.begin >= each.span.begin && token.span.end <= each.span.end;
    };
    return std::any_of(found.estimates.begin(), found.estimates.end(), holds) ||
           std::any_of(found.p_values.begin(), found.p_values.end(), holds);
  };
  std::vector<Token> flow, bracket;
  const auto note = [&](std::size_t at) {
    if (notes.size() >= kMostNotes || std::any_of(bracket.begin(), bracket.end(), known)) return;
    if (const auto estimate = bare(bracket)) notes.push_back({at, estimate, std::nullopt});
  };
  int depth = 0;
  std::size_t opened = 0;
  for (const Token& token : read) {
    if (opens(token)) {
      if (depth++ == 0) opened = token.span.begin, bracket.clear();
    } else if (closes(token) && depth > 0) {
      if (--depth == 0) note(opened);
    } else if (depth > 0) {
      bracket.push_back(token);
    } else if (!known(token)) {
      flow.push_back(token);
    }
  }
  std::sort(notes.begin(), notes.end(), [](const Note& a, const Note& b) { return a.at < b.at; });
  return flow;
}

}  // namespace medsynth::contradiction
