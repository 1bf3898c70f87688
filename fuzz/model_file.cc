// A file that says it is a model: its facts are read, or it is refused, and nothing that it claims is
// believed blindly.
#include "medsynth/inference/model_file.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  static const fuzz::Folder folder;
  folder.write("model.gguf", fuzz::text_of(data, size));
  const auto facts = inference::read_facts(folder.path() / "model.gguf");
  if (!facts) return 0;
  (void)inference::check_biomedlm(*facts);
  (void)inference::predict_footprint(*facts, inference::choose_context(*facts, 0)).on_cpu();
  return 0;
}
