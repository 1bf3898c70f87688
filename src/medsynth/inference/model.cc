#include <fmt/format.h>

#include "medsynth/inference/engine.h"

namespace medsynth::inference {

Result<std::vector<Entailment>> Model::entail(std::span<const TextPair>, const Until&) {
  return Error{Code::invalid_argument,
               fmt::format("{} is a {} model: it cannot say whether one text follows from another", info().id,
                           info().kind),
               "not_an_entailment_model"};
}

}  // namespace medsynth::inference
