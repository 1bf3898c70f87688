// What stands in brackets, and estimates that stand without: taken out of a sentence's flow, each with the
// place where it stood. Internal to the reader of findings.
#pragma once

#include <optional>
#include <vector>

#include "medsynth/contradiction/quantities.h"
#include "medsynth/contradiction/text.h"

namespace medsynth::contradiction {

struct Note {
  std::size_t at = 0;  // bytes: where it begins
  std::optional<Estimate> estimate;
  std::optional<PValue> p;
};

// The tokens outside of brackets; what the others say is added to `notes`, in order.
std::vector<Token> take_notes(const std::vector<Token>& sentence, std::vector<Note>& notes);

}  // namespace medsynth::contradiction
