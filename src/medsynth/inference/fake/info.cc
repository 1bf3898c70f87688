#include "medsynth/inference/runtime_info.h"

namespace medsynth::inference {

RuntimeInfo runtime_info() {
  return {"a fake engine without models", "", {"fake"}};
}

}  // namespace medsynth::inference
