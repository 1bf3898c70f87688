// medsynth models list | pull | add | rm | show
#include <memory>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/inference/install.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {
namespace {

Result<models::Catalogue> read_catalogue(const Session& session) {
  return models::Catalogue::read(models_dir(session.settings()), session.settings().models_catalogue);
}

json::array as_json(const models::Catalogue& catalogue) {
  json::array list;
  for (const models::ModelFile& model : catalogue.models()) list.push_back(described::to_value(model));
  return list;
}

int list(const Session& session) {
  const auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  if (session.format == Format::json) return print_json(as_json(*catalogue)), 0;
  if (catalogue->models().empty()) {
    print(fmt::format("No models in {}. Get the demo models with 'medsynth models pull'.",
                      catalogue->folder().string()));
    return 0;
  }
  std::vector<Row> rows;
  for (const models::ModelFile& model : catalogue->models())
    rows.push_back({model.name, model.kind,
                    model.memory_mb > 0 ? bytes(static_cast<double>(model.memory_mb) * 1e6) : "-",
                    model.context > 0 ? std::to_string(model.context) : "-", model.demo ? "demo" : "",
                    model.notes});
  print(table({{"MODEL"}, {"KIND"}, {"MEMORY", true}, {"CONTEXT", true}, {""}, {"NOTES"}}, rows));
  return 0;
}

int show(const Session& session, const std::string& name) {
  const auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  const models::ModelFile* model = catalogue->find(name);
  if (!model)
    return fail({Code::not_found, fmt::format("no model is called '{}'; see 'medsynth models list'", name),
                 "model_not_found"});
  const json::object value = described::to_value(*model).get_object();
  if (session.format == Format::json) return print_json(value), 0;
  std::vector<Row> rows;
  for (const auto& [field, each] : value) rows.push_back({std::string(field), plain(each)});
  print(table({{"FIELD"}, {"VALUE"}}, rows));
  return 0;
}

int pull(const Session& session, const std::string& name) {
  ProgressLine line;
  const auto pulled =
      inference::pull_demo_models(models_dir(session.settings()), name,
                                  [&](std::string_view what, double part) { line.show(what, part * 100); },
                                  {.catalogue = session.settings().models_catalogue});
  if (!pulled) return fail(pulled.error());
  return list(session);
}

int add(const Session& session, models::ModelFile model, const inference::AddOptions& options) {
  auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  const auto added = [&] {
    ProgressLine line;
    return inference::add_model(
        *catalogue, std::move(model), [&](std::string_view what, double) { line.show(what); }, options);
  }();
  if (!added) return fail(added.error());
  if (session.format == Format::json) return print_json(described::to_value(*added)), 0;
  print(fmt::format("added {} ({})", added->name, added->file));
  return 0;
}

int remove(const Session& session, const std::string& name, bool file, bool yes) {
  auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  const models::ModelFile* model = catalogue->find(name);
  const std::string where = model ? model->file : "";
  if (const auto sure =
          confirm(fmt::format("Delete the file {} of {}?", where, name), yes || !file || !model);
      !sure)
    return fail(sure.error());
  const auto removed = inference::remove_model(*catalogue, name, file);
  if (!removed) return fail(removed.error());
  if (session.format == Format::json)
    return print_json(json::object{{"name", name}, {"file_deleted", file}}), 0;
  print(file ? fmt::format("removed {} and its file {}", name, where)
             : fmt::format("removed {}; its file {} stays", name, where));
  return 0;
}

}  // namespace

void add_model_commands(CLI::App& app, Run& chosen) {
  CLI::App* models = app.add_subcommand("models", "The catalogue of model files");
  models->require_subcommand(1);
  add_command(*models, chosen, "list", "Models that are installed", list);
  auto shown = std::make_shared<std::string>();
  add_command(*models, chosen, "show", "One model's entry",
              [=](const Session& session) { return show(session, *shown); })
      ->add_option("MODEL", *shown, "Name in the catalogue")
      ->required();
  auto pulled = std::make_shared<std::string>();
  add_command(*models, chosen, "pull",
              "Fetches the demo models (a small language model and a sentence model)",
              [=](const Session& session) { return pull(session, *pulled); })
      ->add_option("MODEL", *pulled, "Only this one");
  auto removed = std::make_shared<std::string>();
  auto file = std::make_shared<bool>(false);
  auto yes = std::make_shared<bool>(false);
  CLI::App* rm = add_command(*models, chosen, "rm", "Takes a model out of the catalogue; its file stays",
                             [=](const Session& session) { return remove(session, *removed, *file, *yes); });
  rm->add_option("MODEL", *removed, "Name in the catalogue")->required();
  rm->add_flag("--delete-file", *file, "Also delete its file from the models folder; asks");
  rm->add_flag("--yes", *yes, "Do not ask");
  auto model = std::make_shared<models::ModelFile>();
  auto options = std::make_shared<inference::AddOptions>();
  CLI::App* command =
      add_command(*models, chosen, "add", "Adds a GGUF file under a name: medsynth models add biomedlm FILE",
                  [=](const Session& session) { return add(session, *model, *options); });
  command->add_flag("--link", options->link, "Leave a file outside where it is, instead of copying it");
  command->add_flag("--replace", options->replace, "In place of the model of that name");
  command->add_option("NAME", model->name, "Name that tasks ask for")->required();
  command->add_option("FILE", model->file, "GGUF file; one from outside the models folder is copied into it")
      ->required();
  command->add_option("--kind", model->kind, "language or sentence")
      ->check(CLI::IsMember({"language", "sentence"}));
  command->add_option("--context", model->context, "Tokens; 0: the model's own");
  command->add_option("--memory-mb", model->memory_mb, "Memory it takes; 0: estimated");
  command->add_option("--parallel", model->parallel, "Users at once on one machine");
  command->add_option("--keep-alive", model->keep_alive,
                      "Seconds in memory after the last use; -1: for ever; default: MODEL_CACHE_TTL");
  command->add_flag("--pinned", model->pinned, "Never evicted to make room for others");
  command->add_option("--notes", model->notes, "Shown in lists");
}

}  // namespace medsynth::cli
