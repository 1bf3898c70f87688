#include <fmt/format.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/cli/output.h"
#include "medsynth/inference/engine.h"
#include "medsynth/inference/model_file.h"
#include "medsynth/models/catalogue.h"
#include "medsynth/models/digest.h"

namespace medsynth::cli::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kReadAtMost = 1'000'000'000;  // some 3 s for a digest

ModelFacts with_digest(const models::ModelFile& model, const fs::path& path, std::uint64_t size,
                       ModelFacts facts) {
  if (model.sha256.empty()) return facts;
  if (size > kReadAtMost) {
    facts.digest_unread = fmt::format("its {} were not read", bytes(static_cast<double>(size)));
    return facts;
  }
  const auto digest = models::file_digest(path);
  if (!digest) return facts.problem = printable(digest.error().message), facts;
  if (const auto same = models::check_digest(model.name, *digest, model.sha256); !same)
    facts.problem = printable(same.error().message);
  return facts;
}

ModelFacts look_at_model(const models::Catalogue& catalogue, const models::ModelFile& model) {
  ModelFacts facts{.name = model.name, .kind = model.kind};
  facts.memory_bytes = static_cast<std::uint64_t>(model.memory_mb) * 1'000'000;
  const auto path = catalogue.locate(model);
  if (!path) return facts.problem = printable(path.error().message), facts;
  std::error_code error;
  const std::uint64_t size = fs::file_size(*path, error);
  if (error) return facts.problem = fmt::format("{}: {}", printable(path->string()), error.message()), facts;
  if (model.kind == "entailment") {
    const auto footprint = inference::make_engine()->footprint(
        {.path = *path, .name = model.name, .labels = model.labels, .context = model.context});
    if (!footprint) return facts.problem = printable(footprint.error().message), facts;
    if (const auto runs = inference::check_runtime(*path); !runs) {
      facts.problem = printable(runs.error().message);
      facts.next = "Run 'pip install onnxruntime' in Medsynth's Python environment.";
      return facts;
    }
    if (facts.memory_bytes == 0) facts.memory_bytes = footprint->on_cpu();
    return with_digest(model, *path, size, std::move(facts));
  }
  const auto about = inference::read_facts(*path);
  if (!about) return facts.problem = printable(about.error().message), facts;
  if (about->tensor_bytes > size)
    return facts.problem = fmt::format("{} has {}, and its tensors need {}: it was not copied to its end",
                                       printable(path->string()), bytes(static_cast<double>(size)),
                                       bytes(static_cast<double>(about->tensor_bytes))),
           facts;
  if (const auto fixed = inference::check_biomedlm(*about); !fixed)
    return facts.problem = printable(fixed.error().message), facts;
  if (facts.memory_bytes == 0)
    facts.memory_bytes =
        inference::predict_footprint(*about, inference::choose_context(*about, model.context)).on_cpu();
  return with_digest(model, *path, size, std::move(facts));
}

// What is wrong, without what to do.
std::string first_clause(const std::string& text) {
  return text.substr(0, text.find(';'));
}

}  // namespace

ModelsFacts look_at_models(const Settings& settings) {
  ModelsFacts facts{.folder = printable(models_dir(settings).string())};
  const auto catalogue = models::Catalogue::read(models_dir(settings), settings.models_catalogue,
                                                 settings.language_model, settings.entailment_model);
  if (!catalogue) {
    facts.catalogue_error = printable(catalogue.error().message);
    return facts;
  }
  for (const models::ModelFile& model : catalogue->models())
    facts.models.push_back(look_at_model(*catalogue, model));
  for (const char* kind : {"language", "sentence", "entailment"}) {
    const auto resolved = catalogue->resolve("", kind);
    if (!resolved && std::string_view(kind) == "entailment" && resolved.error().code == Code::not_found)
      continue;  // nobody needs one
    if (!resolved) {
      facts.defaults.push_back({kind, "", false, printable(first_clause(resolved.error().message)), ""});
      continue;
    }
    const std::string_view calibration =
        resolved->model.kind != "sentence" && !resolved->model.demo
            ? actors::calibration_of(catalogue->folder(), resolved->path, resolved->model.sha256,
                                     resolved->model.kind)
            : "";
    facts.defaults.push_back(
        {kind, resolved->model.name, resolved->model.demo, "", std::string(calibration)});
  }
  return facts;
}

}  // namespace medsynth::cli::doctor
