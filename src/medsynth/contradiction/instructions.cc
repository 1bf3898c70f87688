#include "medsynth/contradiction/instructions.h"

#include <algorithm>
#include <array>
#include <string>

namespace medsynth::contradiction {
namespace {

// In lower case, with single spaces.
constexpr std::array<std::string_view, 15> kMarks{
    "<|",        "|>",   "[inst]",     "[/inst]",    "<<sys>>",      "<start_of_turn>", "<end_of_turn>",
    "</s>",      "### ", "finding 1:", "finding 2:", "you are now ", "from now on",     "contradiction_score",
    "note to ai"};
// At the beginning of a sentence: "Nervous system: normal" is none.
constexpr std::array<std::string_view, 6> kTurns{
    "system:", "assistant:", "user:", "human:", "ai:", "answer:"};
// The first, and one of the second soon after it.
struct Order {
  std::string_view verb;
  std::array<std::string_view, 6> objects;
};
constexpr std::array kOrders{
    Order{"ignore ", {"instruction", "prompt", "the above", "previous ", "everything", "all that"}},
    Order{"disregard ", {"instruction", "prompt", "the above", "previous ", "everything", "all that"}},
    Order{"forget ", {"instruction", "prompt", "the above", "previous ", "everything", "all that"}},
    Order{"answer ", {"agree.", "disagree", "different.", "contradiction", "'no", "\"no"}},
    Order{"output ", {"agree", "disagree", "different", "contradiction", "1.0", "0.0"}},
    Order{"say ", {"agree", "disagree", "different", "contradiction", "that these", "that both"}},
    Order{"report that ",
          {"these findings", "both findings", "the findings", "contradict", "they agree", "they are"}},
    Order{"you must ", {"say", "state", "answer", "report", "respond", "output"}},
    Order{"do not ", {"compare these", "compare the", "flag ", "report this as", "mark this", "call this"}},
};
constexpr std::size_t kSoon = 40;  // bytes

std::string normalised(std::string_view text) {
  std::string out;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    const bool space = byte <= ' ' || byte == 0x7F;
    if (!space)
      out += each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  return out;
}

bool begins_sentence(std::string_view text, std::size_t at) {
  while (at > 0 && text[at - 1] == ' ') --at;
  constexpr std::string_view kEnds = ".!?>";
  return at == 0 || kEnds.find(text[at - 1]) != kEnds.npos;
}

bool has_turn(std::string_view text, std::string_view turn) {
  for (std::size_t at = text.find(turn); at != text.npos; at = text.find(turn, at + 1))
    if (begins_sentence(text, at)) return true;
  return false;
}

bool has_order(std::string_view text, const Order& order) {
  for (std::size_t at = text.find(order.verb); at != text.npos; at = text.find(order.verb, at + 1)) {
    const std::string_view after = text.substr(at + order.verb.size(), kSoon);
    const auto follows = [&](std::string_view each) { return after.find(each) != after.npos; };
    if (std::any_of(order.objects.begin(), order.objects.end(), follows)) return true;
  }
  return false;
}

}  // namespace

bool has_instructions(std::string_view claim) {
  const std::string text = normalised(claim);
  return std::any_of(kMarks.begin(), kMarks.end(), [&](auto each) { return text.find(each) != text.npos; }) ||
         std::any_of(kTurns.begin(), kTurns.end(), [&](auto each) { return has_turn(text, each); }) ||
         std::any_of(kOrders.begin(), kOrders.end(),
                     [&](const Order& each) { return has_order(text, each); });
}

}  // namespace medsynth::contradiction
