// The pairs of this folder, as read by its tests.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "medsynth/base/described.h"

namespace medsynth::behaviour {

struct Pair {
  std::string id, category, label, claim1, claim2;
  bool contradiction() const { return label == "contradiction"; }
};
BOOST_DESCRIBE_STRUCT(Pair, (), (id, category, label, claim1, claim2))

// `path` from the root of the repository.
inline std::vector<Pair> read_pairs(const std::string& path) {
  std::ifstream in(std::string(MEDSYNTH_SOURCE) + "/" + path);
  std::vector<Pair> pairs;
  for (std::string line; std::getline(in, line);) {
    auto pair = described::parse<Pair>(line);
    if (!pair) throw std::runtime_error(path + ": " + pair.error().message);
    pairs.push_back(std::move(*pair));
  }
  return pairs;
}

}  // namespace medsynth::behaviour
