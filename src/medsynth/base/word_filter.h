// Whether a text has all of some words, as people type them to narrow a list: "statin stroke". Case does not
// count, nor the order; of words of four letters or more one may begin the other ("statin", "statins"). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medsynth {

class WordFilter {
 public:
  explicit WordFilter(std::string_view words);  // no words: everything matches
  bool matches(std::string_view text) const;

 private:
  std::vector<std::string> words_;
};

}  // namespace medsynth
