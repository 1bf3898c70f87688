// Which output of an entailment model means what. Pure, thread safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/base/json.h"

namespace medsynth::inference::onnx {

struct Labels {
  std::size_t entailment = 0, contradiction = 0;
  std::optional<std::size_t> neutral;
  std::size_t count = 0;
};

// `chosen`, the catalogue's "contradiction,entailment,neutral" in the order of the outputs, else id2label of
// config.json. invalid_argument ("unknown_labels"): neither says which is which, or there is no such label.
Result<Labels> read_labels(std::string_view chosen, const json::value& config);

}  // namespace medsynth::inference::onnx
