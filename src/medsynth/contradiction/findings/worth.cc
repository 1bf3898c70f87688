#include "medsynth/contradiction/findings/worth.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "medsynth/contradiction/word_counts.h"

namespace medsynth::contradiction {
namespace {

struct Counts {
  double abstracts = 1;
  std::unordered_map<std::string_view, float> worth;  // keys point into the table
};

// "abstracts N", then a line for each count: "17 word word word".
Counts read_counts(std::string_view table) {
  Counts counts;
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    std::string_view line = table.substr(0, end);
    table.remove_prefix(std::min(end + 1, table.size()));
    std::string_view head = line.substr(0, std::min(line.find(' '), line.size()));
    line.remove_prefix(std::min(head.size() + 1, line.size()));
    double count = 0;
    if (head == "abstracts") {
      std::from_chars(line.data(), line.data() + line.size(), counts.abstracts);
      continue;
    }
    std::from_chars(head.data(), head.data() + head.size(), count);
    if (count <= 0) continue;
    const float worth = static_cast<float>(
        std::clamp(std::log(counts.abstracts / count) / std::log(counts.abstracts), 0., 1.));
    while (!line.empty()) {
      const std::string_view word = line.substr(0, std::min(line.find(' '), line.size()));
      counts.worth.emplace(word, worth);
      line.remove_prefix(std::min(word.size() + 1, line.size()));
    }
  }
  return counts;
}

}  // namespace

float worth_of(std::string_view root) {
  static const Counts* const counts =
      new Counts(read_counts(kWordCounts));  // never destroyed: threads may outlive main
  const auto found = counts->worth.find(root);
  return found == counts->worth.end() ? 1 : found->second;
}

}  // namespace medsynth::contradiction
