// medsynth models list | show | pull | add | use | rename | rm
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/api/payloads.h"
#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_judge.h"
#include "medsynth/cli/pull.h"
#include "medsynth/contradiction/model_calibration.h"
#include "medsynth/hub/recommended.h"
#include "medsynth/inference/install.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {
namespace {

Result<models::Catalogue> read_catalogue(const Session& session) {
  const Settings& settings = session.settings();
  return models::Catalogue::read(models_dir(settings), settings.models_catalogue, settings.language_model,
                                 settings.entailment_model);
}

// It answers where a request names no model of its kind.
bool is_default(const models::Catalogue& catalogue, const models::ModelFile& model) {
  const auto found = catalogue.resolve("", model.kind);
  return found && found->model.name == model.name;
}

// A sentence model judges nothing, and the demo model never counts.
bool judges(const models::ModelFile& model) {
  return model.kind != "sentence" && !model.demo;
}

std::string_view calibration_of(const models::Catalogue& catalogue, const models::ModelFile& model) {
  const auto path = catalogue.locate(model);
  if (!path || !judges(model)) return "none";
  return actors::calibration_of(catalogue.folder(), *path, model.sha256, model.kind);
}

json::object as_json(const models::Catalogue& catalogue, const models::ModelFile& model) {
  json::object out = described::to_value(model).get_object();
  out["is_default"] = is_default(catalogue, model);
  out["calibration"] = calibration_of(catalogue, model);
  return out;
}

// Whether it fits into memory now; true where that is not known.
bool fits_now(const Session& session, const models::ModelFile& model) {
  const auto sensors = limits::make_sensors({.data_dir = data_dir(session.settings())});
  return limits::has_room(sensors->system().memory, static_cast<std::uint64_t>(model.memory_mb) << 20U,
                          session.settings().max_memory_percent)
      .value_or(true);
}

// How its answers count.
std::string counts_of(const contradiction::ModelCalibration& calibration) {
  std::vector<std::string> kinds;
  for (const contradiction::ModelSkill& each : calibration.skills)
    if (each.weight > 0)
      kinds.emplace_back(each.kind == contradiction::PairKind::findings ? "findings against findings"
                                                                        : "claims against evidence");
  return kinds.empty()
             ? "Its answers are shown and count for nothing: they did not help on our pairs."
             : fmt::format("Its answers count on {} from the next task on.", fmt::join(kinds, " and "));
}

void print_skills(const contradiction::ModelCalibration& calibration) {
  std::vector<Row> rows;
  for (const contradiction::ModelSkill& each : calibration.skills)
    rows.push_back({std::string(described::enum_name(each.kind)), std::to_string(each.pairs),
                    fmt::format("{:.2f}", each.auroc), fmt::format("{:.2f}", each.auroc_without),
                    fmt::format("{:.2f}", each.auroc_together), fmt::format("{:.2f}", each.weight)});
  print(table({{"AUROC ON OUR PAIRS"},
               {"PAIRS", true},
               {"MODEL", true},
               {"TEXT", true},
               {"TOGETHER", true},
               {"WEIGHT", true}},
              rows));
  print(counts_of(calibration));
}

// Asks the built-in pairs, in this process, and keeps what the model knows of them; some minutes.
Result<contradiction::ModelCalibration> calibrate_here(const Session& session,
                                                       const models::ModelFile& model) {
  const std::string& name = model.name;
  const JudgeOptions options = model.kind == "entailment"
                                   ? JudgeOptions{.methods = {"entailment"}, .entailment_model = name}
                                   : JudgeOptions{.methods = {"language_model"}, .model = name};
  ProgressLine line;
  line.show(fmt::format("loading {}", name));
  BOOST_OUTCOME_TRY(const auto judge, LocalJudge::open(session.settings(), options));
  BOOST_OUTCOME_TRY(
      auto calibration,
      contradiction::calibrate_model(
          [&](const auto& pair) { return judge.with(contradiction::probing_combination(), pair); },
          [&](double part) { line.show(fmt::format("calibrating {} (Ctrl-C: later)", name), part * 100); }));
  const auto file =
      actors::model_calibration_file(models_dir(session.settings()), calibration.model.digest, model.kind);
  BOOST_OUTCOME_TRY(actors::write_calibration(file, calibration));
  return calibration;
}

// The last step of `add` and `use`, unless the same file was calibrated before.
int calibrate(const Session& session, const models::ModelFile& model, bool wanted, json::object out) {
  const std::filesystem::path folder = models_dir(session.settings());
  const auto known = actors::find_model_calibration(folder, model.sha256, model.kind);
  std::optional<contradiction::ModelCalibration> calibration;
  std::error_code ignored;
  if (known)
    calibration = *known;
  else  // damaged: made anew
    std::filesystem::remove(actors::model_calibration_file(folder, model.sha256, model.kind), ignored);
  if (!calibration && wanted && judges(model) && fits_now(session, model)) {
    auto measured = calibrate_here(session, model);
    if (!measured) {
      Error error = measured.error();
      error.message = fmt::format("{} is there, but is not calibrated: {}", model.name, error.message);
      return fail(error);
    }
    calibration = std::move(*measured);
  }
  if (session.format == Format::json) {
    if (calibration) out["skills"] = described::to_value(calibration->skills);
    if (calibration && out["calibration"] == "none") out["calibration"] = "built_in";
    return print_json(out), 0;
  }
  if (calibration)
    print_skills(*calibration);
  else if (judges(model))
    print(fmt::format("It is not calibrated: until 'medsynth models use {}' its answers never decide.",
                      model.name));
  return 0;
}

// The models that we know of, installed or not.
int list_available(const Session& session, const models::Catalogue& catalogue) {
  json::array all;
  std::vector<Row> rows;
  for (const hub::Recommended& each : hub::recommended()) {
    const bool here = catalogue.find(each.name) != nullptr;
    all.push_back({{"name", each.name},
                   {"kind", each.kind},
                   {"from", each.from},
                   {"sha256", each.sha256},
                   {"licence", each.licence},
                   {"bytes", each.bytes},
                   {"memory_mb", each.memory_mb},
                   {"measured", each.measured.empty() ? json::value() : json::value(each.measured)},
                   {"installed", here}});
    rows.push_back({each.name, each.kind, each.licence, bytes(static_cast<double>(each.bytes)),
                    bytes(static_cast<double>(each.memory_mb) * 1e6), here ? "installed" : "",
                    each.measured.empty() ? "not measured" : each.measured});
  }
  if (session.format == Format::json) return print_json(all), 0;
  print(table({{"MODEL"},
               {"KIND"},
               {"LICENCE"},
               {"SIZE", true},
               {"MEMORY", true},
               {""},
               {"MEASURED BY US", false, true}},
              rows));
  return 0;
}

int list(const Session& session, bool available = false) {
  const auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  if (available) return list_available(session, *catalogue);
  if (session.format == Format::json) {
    json::array all;
    for (const models::ModelFile& model : catalogue->models()) all.push_back(as_json(*catalogue, model));
    return print_json(all), 0;
  }
  if (catalogue->models().empty()) {
    print(fmt::format("No models in {}. Get the demo models with 'medsynth models pull'.",
                      catalogue->folder().string()));
    return 0;
  }
  std::vector<Row> rows;
  for (const models::ModelFile& model : catalogue->models()) {
    std::string marks = is_default(*catalogue, model) ? "default" : "";
    if (model.demo) marks += marks.empty() ? "demo" : ", demo";
    rows.push_back({model.name, model.kind,
                    model.memory_mb > 0 ? bytes(static_cast<double>(model.memory_mb) * 1e6) : "-",
                    std::string(calibration_of(*catalogue, model)), marks, model.notes});
  }
  print(table({{"MODEL"}, {"KIND"}, {"MEMORY", true}, {"CALIBRATION"}, {""}, {"NOTES", false, true}}, rows));
  return 0;
}

int show(const Session& session, const std::string& name) {
  const auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  const models::ModelFile* model = catalogue->find(name);
  if (!model)
    return fail({Code::not_found, fmt::format("no model is called {}; see 'medsynth models list'", name),
                 "model_not_found"});
  const json::object value = as_json(*catalogue, *model);
  if (session.format == Format::json) return print_json(value), 0;
  std::vector<Row> rows;
  for (const auto& [field, each] : value) rows.push_back({std::string(field), plain(each)});
  print(table({{"FIELD"}, {"VALUE"}}, rows));
  return 0;
}

int pull_demo(const Session& session, const std::string& name) {
  const auto pulled = [&] {
    ProgressLine line;
    return inference::pull_demo_models(
        models_dir(session.settings()), name,
        [&](std::string_view what, double part) { line.show(what, part * 100); },
        {.catalogue = session.settings().models_catalogue});
  }();
  if (!pulled) return fail(pulled.error());
  return list(session);
}

// What a model is that was entered, what happens with it next, and its calibration.
int entered(const Session& session, const models::ModelFile& added, std::string_view how, bool no_calibrate) {
  const auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  json::object out = as_json(*catalogue, added);
  if (session.format == Format::json) return calibrate(session, added, !no_calibrate, std::move(out));
  print(fmt::format("{} {}: {} {} model, {}; needs about {} of memory; licence: {}", how, added.name,
                    added.kind == "entailment" ? "an" : "a", added.kind, added.file,
                    bytes(static_cast<double>(added.memory_mb) * 1e6),
                    added.licence.empty() ? "not known" : added.licence));
  if (!fits_now(session, added))
    print(
        fmt::format("It does not fit into memory now: tasks with it wait until other programs leave it room "
                    "(MAX_MEMORY_PERCENT is {:g}).",
                    session.settings().max_memory_percent));
  if (is_default(*catalogue, added))
    print("It answers where no model is named, from the next task on.");
  else if (judges(added))
    print(
        fmt::format("Ask it by name: medsynth contradict --{1} {0} CLAIM1 CLAIM2. Where none is named it "
                    "answers after 'medsynth models use {0}'.",
                    added.name, added.kind == "entailment" ? "entailment-model" : "model"));
  return calibrate(session, added, !no_calibrate, std::move(out));
}

int pull(const Session& session, const PullRequest& request, bool no_calibrate) {
  const hub::Recommended* known = hub::find_recommended(request.from);
  if (request.from.empty() || (known && known->from.empty())) {
    if (!request.name.empty() || !request.sha256.empty())
      return fail(
          invalid("MODEL", "must name a model beside --name or --sha256, and none of the demo models"));
    return pull_demo(session, request.from);
  }
  const auto pulled = pull_model(session, request);
  if (!pulled) return fail(pulled.error());
  return entered(session, pulled->model, pulled->fetched ? "fetched" : "there already is", no_calibrate);
}

int add(const Session& session, models::ModelFile model, inference::AddOptions options, bool yes,
        bool no_calibrate) {
  auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  if (const models::ModelFile* old = catalogue->find(model.name)) {
    const std::string question = fmt::format("Replace {} ({})?", old->name, old->file);
    if (const auto sure = confirm(question, yes); !sure) return fail(sure.error());
    options.replace = true;
  }
  const auto added = [&] {
    ProgressLine line;
    return inference::add_model(
        *catalogue, std::move(model), [&](std::string_view what, double) { line.show(what); }, options);
  }();
  if (!added) return fail(added.error());
  return entered(session, *added, "added", no_calibrate);
}

int use(const Session& session, const std::string& name, bool no_calibrate) {
  auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  if (const auto chosen = catalogue->use(name); !chosen) return fail(chosen.error());
  const models::ModelFile& model = *catalogue->find(name);
  json::object out = as_json(*catalogue, model);
  if (session.format == Format::json) return calibrate(session, model, !no_calibrate, std::move(out));
  print(fmt::format("{} is the default {} model from the next task on", name, model.kind));
  if (!is_default(*catalogue, model))
    print(model.kind == "entailment"
              ? fmt::format("But MEDSYNTH_ENTAILMENT_MODEL names {}, which goes before it.",
                            session.settings().entailment_model)
              : fmt::format("But MEDSYNTH_LANGUAGE_MODEL names {}, which goes before it.",
                            session.settings().language_model));
  return calibrate(session, model, !no_calibrate, std::move(out));
}

// On every host, by the server; nothing is calibrated, as the files are elsewhere.
int use_everywhere(const Session& session, const std::string& name) {
  const auto path = path_of("/v1/models/", "MODEL", name, "/use");
  if (!path) return fail(path.error());
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto said = client->call<api::ModelChoiceAnswer>("POST", *path);
  if (!said) return fail(said.error());
  if (session.format == Format::json) return print_json(*said), 0;
  const auto answer = described::from_value<api::ModelChoiceAnswer>(*said);
  print(cell(said->as_object(), "message"));
  if (!answer) return 0;
  for (const api::HostChoice& each : answer->data.hosts)
    if (!each.is_default) print(fmt::format("{}: {}", each.host, each.problem));
  if (!answer->data.silent.empty())
    print(fmt::format("{} workers did not confirm in time.", answer->data.silent.size()));
  return 0;
}

int rename(const Session& session, const std::string& name, const std::string& other) {
  auto catalogue = read_catalogue(session);
  if (!catalogue) return fail(catalogue.error());
  if (const auto renamed = catalogue->rename(name, other); !renamed) return fail(renamed.error());
  if (session.format == Format::json) return print_json(as_json(*catalogue, *catalogue->find(other))), 0;
  print(fmt::format("{} is called {} now", name, other));
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
  auto available = std::make_shared<bool>(false);
  add_command(*models, chosen, "list", "Models that are installed",
              [=](const Session& session) { return list(session, *available); })
      ->add_flag("--available", *available,
                 "Those that we know of, with licence, size, memory, and what we measured");
  auto shown = std::make_shared<std::string>();
  add_command(*models, chosen, "show", "One model's entry",
              [=](const Session& session) { return show(session, *shown); })
      ->add_option("MODEL", *shown, "Name in the catalogue")
      ->required();
  auto removed = std::make_shared<std::string>();
  auto file = std::make_shared<bool>(false);
  auto yes = std::make_shared<bool>(false);
  CLI::App* rm = add_command(*models, chosen, "rm", "Takes a model out of the catalogue; its file stays",
                             [=](const Session& session) { return remove(session, *removed, *file, *yes); });
  rm->add_option("MODEL", *removed, "Name in the catalogue")->required();
  rm->add_flag("--delete-file", *file, "Also delete its file from the models folder; asks");
  rm->add_flag("--yes", *yes, "Do not ask");
  auto used = std::make_shared<std::string>();
  auto everywhere = std::make_shared<bool>(false);
  auto no_calibrate = std::make_shared<bool>(false);
  const std::string later =
      "Do not ask it our pairs now, which takes minutes: its answers do not decide then";
  CLI::App* use_command =
      add_command(*models, chosen, "use", "Makes a model the one that answers where none is named",
                  [=](const Session& session) {
                    return *everywhere ? use_everywhere(session, *used) : use(session, *used, *no_calibrate);
                  });
  use_command->add_option("MODEL", *used, "Name in the catalogue")->required();
  use_command->add_flag("--no-calibrate", *no_calibrate, later);
  use_command->add_flag("--everywhere", *everywhere,
                        "On every host that has it, through the server; calibrates nothing");
  auto pulled = std::make_shared<PullRequest>();
  CLI::App* pull_command =
      add_command(*models, chosen, "pull", "Fetches a model; without one the two demo models",
                  [=](const Session& session) { return pull(session, *pulled, *no_calibrate); });
  pull_command->add_option(
      "MODEL", pulled->from,
      "A name of 'models list --available', hf:OWNER/REPO, hf:OWNER/REPO[@REVISION]:FILE (or a "
      "part of its name: Q4_K_M), or the address of a file. HF_TOKEN opens private repositories");
  pull_command->add_option("--name", pulled->name, "Name that tasks ask for; default: made of MODEL");
  pull_command->add_option("--sha256", pulled->sha256, "What the file must have; default: what the hub says");
  pull_command->add_flag("--no-calibrate", *no_calibrate, later);
  pull_command->add_flag("--yes", pulled->yes, "Replace a model of that name without asking");
  auto renamed = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* ren =
      add_command(*models, chosen, "rename", "Gives a model another name",
                  [=](const Session& session) { return rename(session, renamed->first, renamed->second); });
  ren->add_option("MODEL", renamed->first, "Name in the catalogue")->required();
  ren->add_option("NAME", renamed->second, "Its new name")->required();
  auto model = std::make_shared<models::ModelFile>();
  auto options = std::make_shared<inference::AddOptions>();
  CLI::App* command = add_command(
      *models, chosen, "add", "Adds a GGUF file, or the folder of an ONNX entailment model, under a name",
      [=](const Session& session) { return add(session, *model, *options, *yes, *no_calibrate); });
  command->add_flag("--link", options->link, "Leave a file outside where it is, instead of copying it");
  command->add_flag("--no-calibrate", *no_calibrate, later);
  command->add_flag("--yes", *yes, "Replace a model of that name without asking");
  command->add_option("NAME", model->name, "Name that tasks ask for")->required();
  command
      ->add_option(
          "FILE", model->file,
          "GGUF file, or folder with model.onnx, config.json and tokenizer; one from outside the models "
          "folder is copied into it")
      ->required();
  command->add_option("--kind", model->kind, "language or sentence; an ONNX model is an entailment model")
      ->check(CLI::IsMember({"language", "sentence"}));
  command->add_option(
      "--labels", model->labels,
      "Of an entailment model, in the order of its outputs: contradiction,entailment,neutral; "
      "default: as its config.json says");
  command->add_option("--context", model->context, "Tokens; 0: the model's own");
  command->add_option("--memory-mb", model->memory_mb, "Memory it takes; 0: estimated");
  command->add_option("--parallel", model->parallel, "Users at once on one machine");
  command->add_option("--keep-alive", model->keep_alive,
                      "Seconds in memory after the last use; -1: for ever; default: MODEL_CACHE_TTL");
  command->add_flag("--pinned", model->pinned, "Never evicted to make room for others");
  command->add_option("--licence", model->licence, "As an SPDX identifier; default: what the file says");
  command
      ->add_option_function<std::string>(
          "--gpu", [=](const std::string& name) { model->gpu = *described::enum_from<models::Gpu>(name); },
          "require: on GPUs or not at all; prefer: as far as it fits; never")
      ->check(CLI::IsMember({"require", "prefer", "never"}));
  command->add_option("--notes", model->notes, "Shown in lists");
}

}  // namespace medsynth::cli
