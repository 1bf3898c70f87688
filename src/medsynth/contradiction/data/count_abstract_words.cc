// In how many abstracts does each word stand? count_abstract_words OUT.txt ABSTRACTS.jsonl. Words alone leave
// the file: those of kLeast abstracts or more, by their roots.
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/json.h"
#include "medsynth/contradiction/text.h"

namespace {

using namespace medsynth;
using namespace medsynth::contradiction;

constexpr std::int64_t kLeast = 3;

bool is_plain(const std::string& word) {
  for (char letter : word)
    if (letter < 'a' || letter > 'z') return false;
  return word.size() >= 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: count_abstract_words OUT.txt ABSTRACTS.jsonl\n"), 2;
  std::map<std::string, std::int64_t> counts;
  std::int64_t abstracts = 0;
  std::ifstream in(argv[2]);
  for (std::string line; std::getline(in, line);) {
    const auto parsed = json::parse(line);
    if (!parsed || !parsed->is_object())
      return fmt::print(stderr, "line {}: no JSON object\n", abstracts + 1), 1;
    std::string text;
    for (const char* name : {"title", "abstract"})
      if (const auto* member = parsed->get_object().if_contains(name); member && member->is_string())
        text += std::string(member->get_string()) + "\n\n";
    std::set<std::string> words;
    for (const Token& token : tokens(text, {0, text.size()}))
      if (token.kind == TokenKind::word) words.insert(root(inflection_stem(token.text)));
    for (const std::string& word : words)
      if (is_plain(word)) ++counts[word];
    ++abstracts;
  }
  constexpr std::size_t kWidth = 118;
  std::map<std::int64_t, std::vector<std::string>, std::greater<>> lines;
  for (const auto& [word, count] : counts) {
    if (count < kLeast) continue;
    std::vector<std::string>& of_count = lines[count];
    if (of_count.empty() || of_count.back().size() + word.size() > kWidth)
      of_count.push_back(std::to_string(count));
    of_count.back() += " " + word;
  }
  std::ofstream out(argv[1]);
  out << "abstracts " << abstracts << "\n";
  for (const auto& [count, of_count] : lines)
    for (const std::string& line : of_count) out << line << "\n";
  return out ? 0 : 1;
}
