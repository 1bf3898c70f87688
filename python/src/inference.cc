// Models in this process, and what is asked of them. Arguments and results are JSON of the payloads in jobs.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "medsynth/actors/actors.h"
#include "medsynth/base/paths.h"
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
  Model(std::shared_ptr<inference::Model> model, models::Resolved found)
      : model_(std::move(model)), found_(std::move(found)) {}
  inference::Model* get() const { return model_.get(); }
  const models::Resolved& found() const { return found_; }

 private:
  std::shared_ptr<inference::Model> model_;
  models::Resolved found_;
};

// `model` null: none.
actors::WorkingModel working(const Model* model) {
  const auto folder = models_dir(Core::here().settings);
  if (!model) return {.folder = folder};
  return {.model = model->get(),
          .file = model->found().path,
          .folder = folder,
          .demo = model->found().model.demo};
}

Result<models::Resolved> resolved(const Settings& settings, const std::string& name,
                                  const std::string& kind) {
  BOOST_OUTCOME_TRY(auto catalogue,
                    models::Catalogue::read(models_dir(settings), settings.models_catalogue,
                                            settings.language_model, settings.entailment_model));
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
  const int wanted = threads(core);
  auto model = value(outside([&](const std::stop_token& stop) -> Result<std::shared_ptr<inference::Model>> {
    BOOST_OUTCOME_TRY(auto options, actors::placed_options(found, wanted, engine));
    options.stop = stop;
    return engine.load(options);
  }));
  return {std::move(model), found};
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

// An actor's work with that model.
template <class Arguments, class Result_>
std::string at_work(Result_ (*work)(const Arguments&, const actors::WorkingModel&, const inference::Until&,
                                    const actors::Progress&),
                    const Model* model, const std::string& text) {
  const auto wanted = arguments<Arguments>(text);
  const auto with = working(model);
  return timed([&](const inference::Until& until) { return work(wanted, with, until, {}); });
}

std::string detect(const Model* model, const std::string& text) {
  return at_work(actors::detect, model, text);
}
std::string analyze(const Model* model, const std::string& text) {
  return at_work(actors::analyze, model, text);
}
std::string embed(const Model& model, const std::string& text) {
  return at_work(actors::embed, &model, text);
}

}  // namespace

void bind_inference(nb::module_& m) {
  nb::class_<Model>(m, "Model").def_prop_ro("info", [](const Model& self) {
    return described_to_python(self.get()->info());
  });
  m.def("resolve_model", &resolve);
  m.def("load_model", &load);
  m.def("detect", &detect, nb::arg("model").none(), nb::arg("arguments"));
  m.def("analyze", &analyze, nb::arg("model").none(), nb::arg("arguments"));
  m.def("embed", &embed);
}

}  // namespace medsynth::python
