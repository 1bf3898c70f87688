// Models in this process, and what is asked of them. Arguments and results are JSON of the payloads in jobs.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "medsynth/base/paths.h"
#include "medsynth/contradiction/contradiction.h"
#include "medsynth/inference/engine.h"
#include "medsynth/jobs/jobs.h"
#include "medsynth/models/catalogue.h"

#include "core.h"
#include "module.h"
#include "values.h"

namespace medsynth::python {
namespace {

// A loaded model as Python sees it: memory goes when the last reference does.
class Model {
 public:
  Model(std::shared_ptr<inference::Model> model, bool demo) : model_(std::move(model)), demo_(demo) {}
  inference::Model& get() const { return *model_; }
  bool demo() const { return demo_; }
  jobs::ModelUsed used() const {
    const inference::ModelInfo& info = model_->info();
    return {info.id, info.digest, info.description, demo_};
  }

 private:
  std::shared_ptr<inference::Model> model_;
  bool demo_;
};

Result<models::Resolved> resolved(const Settings& settings, const std::string& name,
                                  const std::string& kind) {
  BOOST_OUTCOME_TRY(auto catalogue, models::Catalogue::read(models_dir(settings), settings.models_catalogue,
                                                            settings.language_model));
  return catalogue.resolve(name, kind);
}

int threads(Core& core) {
  if (core.settings.threads > 0) return static_cast<int>(core.settings.threads);
  const double cpus = core.sensors().sample().effective_cpus;
  return std::max(1, static_cast<int>(std::floor(core.limiter().limits().max_cpu_percent / 100 * cpus)));
}

nb::object resolve(const std::string& name, const std::string& kind) {
  const auto found = resolved(Core::here().settings, name, kind);
  if (!found && found.error().code == Code::not_found && name.empty()) return nb::none();
  return described_to_python(value(found).model);
}

Model load(const std::string& name, const std::string& kind) {
  Core& core = Core::here();
  const models::Resolved found = value(resolved(core.settings, name, kind));
  inference::Engine& engine = core.engine();
  inference::LoadOptions options{.path = found.path,
                                 .name = found.model.name,
                                 .sha256 = found.model.sha256,
                                 .threads = threads(core),
                                 .context = found.model.context};
  auto model = value(outside([&](const std::stop_token& stop) {
    options.stop = stop;
    return engine.load(options);
  }));
  return {std::move(model), found.model.demo};
}

template <class Arguments>
Arguments arguments(const std::string& text) {
  auto parsed = value(described::parse<Arguments>(text));
  value(jobs::check(parsed));
  return parsed;
}

template <class Work>
std::string timed(Work work) {
  const auto start = std::chrono::steady_clock::now();
  auto result =
      value(outside([&](const std::stop_token& stop) { return work(inference::Until{.stop = stop}); }));
  result.duration = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return described::write(result);
}

std::string detect(const Model* model, const std::string& text) {
  const auto pair = arguments<jobs::DetectContradiction>(text);
  return timed([&](const inference::Until& until) -> Result<jobs::ContradictionResult> {
    const contradiction::LanguageModel asked{model ? &model->get() : nullptr, model && model->demo()};
    BOOST_OUTCOME_TRY(auto result, contradiction::detect(pair, asked, until));
    if (model && !result.model) result.model = model->used();
    return result;
  });
}

std::string analyze(const std::string& text) {
  const auto articles = arguments<jobs::AnalyzeArticles>(text);
  return timed([&](const inference::Until& until) { return contradiction::analyze(articles, until, {}); });
}

std::string embed(const Model& model, const std::string& text) {
  const auto wanted = arguments<jobs::GenerateEmbeddings>(text);
  return timed([&](const inference::Until& until) -> Result<jobs::EmbeddingsResult> {
    std::vector<bool> cut;
    BOOST_OUTCOME_TRY(auto vectors, model.get().embed(wanted.texts, until, &cut));
    jobs::EmbeddingsResult result{.embeddings = std::move(vectors),
                                  .dimension = model.get().info().dimension,
                                  .total_texts = static_cast<std::int64_t>(wanted.texts.size()),
                                  .model = model.used()};
    if (const auto count = std::count(cut.begin(), cut.end(), true); count > 0)
      result.warnings.push_back(std::to_string(count) +
                                " texts were longer than the model's context and were cut");
    return result;
  });
}

}  // namespace

void bind_inference(nb::module_& m) {
  nb::class_<Model>(m, "Model").def_prop_ro("info", [](const Model& self) {
    return described_to_python(self.get().info());
  });
  m.def("resolve_model", &resolve);
  m.def("load_model", &load);
  m.def("detect", &detect, nb::arg("model").none(), nb::arg("arguments"));
  m.def("analyze", &analyze);
  m.def("embed", &embed);
}

}  // namespace medsynth::python
