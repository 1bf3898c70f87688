// models.toml: a wrong one is refused, one that is read resolves or says why, and none leads outside its
// folders.
#include "medsynth/models/catalogue.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  static const fuzz::Folder folder;
  folder.write("models.toml", fuzz::text_of(data, size));
  const auto catalogue = models::Catalogue::read(folder.path());
  if (!catalogue) return 0;
  for (const models::ModelFile& model : catalogue->models()) {
    fuzz::require(catalogue->find(model.name) != nullptr, "an entry is found by its name");
    (void)catalogue->resolve(model.name, model.kind);
    (void)catalogue->locate(model);
  }
  (void)catalogue->resolve("", "language");
  return 0;
}
