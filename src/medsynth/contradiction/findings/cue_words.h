// The words that say what was found, as a table that a person edits (cue_words.cc). Built once, read only
// afterwards: thread safe.
#pragma once

#include <string>
#include <unordered_map>

#include "medsynth/contradiction/findings/cues.h"

namespace medsynth::contradiction {

struct CueTable {
  std::unordered_map<std::string, Cue> stems;    // any form of a word
  std::unordered_map<std::string, Cue> phrases;  // in lower case, words parted by one space; as they stand
};

const CueTable& cue_words();

}  // namespace medsynth::contradiction
