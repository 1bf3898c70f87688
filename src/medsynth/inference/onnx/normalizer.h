// What is done to a text before it is cut into tokens: the steps that a tokenizer.json or a SentencePiece model
// names. Pure, thread safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/json.h"

namespace medsynth::inference::onnx {

using Step = std::function<std::string(std::string)>;

struct BertSteps {
  bool clean = true;    // controls go, all white space becomes a space
  bool chinese = true;  // spaces around ideographs
  bool lowercase = true;
  bool strip_accents = true;
};
Step bert_step(const BertSteps& steps);

// The rules of a SentencePiece model (its precompiled_charsmap): the longest rule that fits, at each place.
// invalid_argument: damaged.
Result<Step> charsmap_step(std::string rules);

// Without spaces at both ends and a single one between words, as SentencePiece's remove_extra_whitespaces.
Step single_spaces_step();

// `normalizer` of a tokenizer.json; null: none. invalid_argument names a kind that is not known.
Result<std::vector<Step>> read_normalizer(const json::value& normalizer);

}  // namespace medsynth::inference::onnx
