#include "medsynth/models/catalogue.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "medsynth/base/described.h"
#include "medsynth/base/id.h"
#include "medsynth/base/private_file.h"

namespace medsynth::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 100;
constexpr std::array<std::string_view, 3> kKinds{"language", "sentence", "entailment"};

bool is_name(std::string_view name) {
  return check_name("name", name) && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

std::string_view default_name(std::string_view kind) {
  return kind == "sentence" ? "all-minilm-l6-v2" : kind == "language" ? "biomedlm" : "";
}

Error invalid_entry(std::string_view name, std::string_view field, std::string_view detail) {
  Error error = invalid(fmt::format("/models/{}/{}", name, field), std::string(detail));
  error.reason = "invalid_catalogue";
  error.message = "models.toml: " + error.message;
  return error;
}

// Sets one member from its TOML value, or says what it must be.
std::string assign(const toml::node& node, std::string& out) {
  if (!node.is_string()) return "must be a string";
  return out = node.as_string()->get(), "";
}
std::string assign(const toml::node& node, std::int64_t& out) {
  if (!node.is_integer()) return "must be a whole number";
  return out = node.as_integer()->get(), "";
}
std::string assign(const toml::node& node, std::optional<std::int64_t>& out) {
  return assign(node, out.emplace());
}
std::string assign(const toml::node& node, bool& out) {
  if (!node.is_boolean()) return "must be true or false";
  return out = node.as_boolean()->get(), "";
}
std::string assign(const toml::node& node, Gpu& out) {
  const auto found = node.is_string() ? described::enum_from<Gpu>(node.as_string()->get()) : std::nullopt;
  if (!found) return fmt::format("must be one of {}", fmt::join(described::enum_names<Gpu>(), ", "));
  return out = *found, "";
}

Result<ModelFile> read_entry(std::string_view name, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (!table) return invalid_entry(name, "", "must be a table");
  ModelFile model;
  const auto known = described::member_names<ModelFile>();
  for (const auto& [key, value] : *table) {
    if (key.str() == "name" || std::find(known.begin(), known.end(), key.str()) == known.end())
      return invalid_entry(name, key.str(),
                           "is not a known field" + described::did_you_mean(key.str(), known));
    std::string wrong;
    described::for_each_member<ModelFile>([&](std::string_view member, auto pointer) {
      if (member == key.str()) wrong = assign(value, model.*pointer);
    });
    if (!wrong.empty()) return invalid_entry(name, key.str(), wrong);
  }
  model.name = name;
  BOOST_OUTCOME_TRY(check_entry(model));
  return model;
}

Result<std::vector<fs::path>> read_roots(const toml::table& file) {
  std::vector<fs::path> roots;
  const toml::node* node = file.get("roots");
  if (!node) return roots;
  const Error wrong = invalid("/roots", "must be an array of absolute folders");
  if (!node->is_array()) return wrong;
  for (const toml::node& each : *node->as_array()) {
    if (!each.is_string() || !fs::path(each.as_string()->get()).is_absolute()) return wrong;
    roots.emplace_back(each.as_string()->get());
  }
  return roots;
}

Result<toml::table> parse_file(const fs::path& file) try {
  std::error_code error;
  if (!fs::exists(file, error)) return toml::table();
  std::ifstream in(file);
  if (!in) return Error{Code::unavailable, "cannot read " + file.string(), ""};
  return toml::parse(in, file.string());
} catch (const toml::parse_error& error) {
  return invalid("", fmt::format("models.toml, line {}: {}", error.source().begin.line, error.description()));
}

template <class T>
void insert(toml::table& table, std::string_view name, const T& value) {
  table.insert(name, value);
}
void insert(toml::table& table, std::string_view name, const std::optional<std::int64_t>& value) {
  if (value) table.insert(name, *value);
}
void insert(toml::table& table, std::string_view name, Gpu value) {
  table.insert(name, described::enum_name(value));
}

toml::table as_table(const ModelFile& model) {
  const ModelFile fallback;
  toml::table table;
  described::for_each_member<ModelFile>([&](std::string_view member, auto pointer) {
    if (member == "name" || (model.*pointer == fallback.*pointer && member != "kind")) return;
    insert(table, member, model.*pointer);
  });
  return table;
}

// The key above the tables that names the default of a kind.
std::string default_key(std::string_view kind) {
  return fmt::format("{}_model", kind);
}

Error unknown_model(std::string_view name) {
  return {Code::not_found, fmt::format("no model is called {}; see 'medsynth models list'", name),
          "model_not_found"};
}

bool is_below(const fs::path& path, const fs::path& root) {
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end() && rest != path.end();
}

}  // namespace

Result<> check_entry(const ModelFile& model) {
  if (!is_name(model.name))
    return invalid_entry(model.name, "name",
                         "must be 1 to 100 letters, digits, dots, dashes or underscores, and more than dots");
  if (model.file.empty()) return invalid_entry(model.name, "file", "must not be empty");
  if (std::find(kKinds.begin(), kKinds.end(), model.kind) == kKinds.end())
    return invalid_entry(model.name, "kind", "must be language, sentence or entailment");
  const bool hex = std::all_of(model.sha256.begin(), model.sha256.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!model.sha256.empty() && (model.sha256.size() != 64 || !hex))
    return invalid_entry(model.name, "sha256", "must be 64 lowercase hexadecimal digits");
  if (model.context < 0) return invalid_entry(model.name, "context", "must not be negative");
  if (model.memory_mb < 0) return invalid_entry(model.name, "memory_mb", "must not be negative");
  if (model.keep_alive && *model.keep_alive < -1)
    return invalid_entry(model.name, "keep_alive", "must be seconds, or -1 for ever");
  if (model.parallel < 1) return invalid_entry(model.name, "parallel", "must be at least 1");
  return success();
}

Result<Catalogue> Catalogue::read(const fs::path& folder, const fs::path& catalogue,
                                  std::string_view language_model, std::string_view entailment_model) {
  Catalogue out;
  out.folder_ = folder;
  if (!language_model.empty()) out.settings_.emplace("language", language_model);
  if (!entailment_model.empty()) out.settings_.emplace("entailment", entailment_model);
  out.file_ = catalogue.empty() ? folder / "models.toml" : catalogue;
  BOOST_OUTCOME_TRY(const toml::table file, parse_file(out.file_));
  std::vector<std::string> known{"models", "roots"};
  for (const std::string_view kind : kKinds) known.push_back(default_key(kind));
  for (const auto& [key, node] : file) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end())
      return invalid("/" + std::string(key.str()),
                     "is not known in models.toml; models stand in [models.NAME]");
  }
  BOOST_OUTCOME_TRY(out.roots_, read_roots(file));
  if (const toml::node* models = file.get("models")) {
    if (!models->is_table()) return invalid("/models", "must hold tables: [models.NAME]");
    for (const auto& [name, node] : *models->as_table()) {
      BOOST_OUTCOME_TRY(auto model, read_entry(name.str(), node));
      out.models_.push_back(std::move(model));
    }
  }
  for (const std::string_view kind : kKinds) {
    const auto name = file[default_key(kind)].value<std::string>();
    const ModelFile* chosen = name ? out.find(*name) : nullptr;
    if (chosen && chosen->kind == kind)
      out.chosen_.emplace(kind, *name);
    else if (file.contains(default_key(kind)))
      return invalid("/" + default_key(kind),
                     fmt::format("must be the name of a {} model in this file, in quotes", kind));
  }
  return out;
}

const ModelFile* Catalogue::find(std::string_view name) const {
  const auto found =
      std::find_if(models_.begin(), models_.end(), [&](const ModelFile& each) { return each.name == name; });
  return found == models_.end() ? nullptr : &*found;
}

Result<fs::path> Catalogue::locate(const ModelFile& model) const {
  std::error_code error;
  const fs::path path =
      fs::weakly_canonical(folder_ / model.file, error);  // an absolute file stands for itself
  std::vector<fs::path> roots = roots_;
  roots.push_back(folder_);
  const bool allowed = std::any_of(roots.begin(), roots.end(), [&](const fs::path& root) {
    std::error_code ignored;
    return is_below(path, fs::weakly_canonical(root, ignored));
  });
  if (error || !allowed)
    return Error{Code::not_allowed,
                 fmt::format("the file of {} lies outside {}; move it there, or name its folder in roots = "
                             "[\"...\"] at the top "
                             "of models.toml",
                             model.name, folder_.string()),
                 "outside_models_folder"};
  return path;
}

Result<Resolved> Catalogue::resolve(std::string_view name, std::string_view kind) const {
  const auto chosen = chosen_.find(kind);
  const auto set = settings_.find(kind);
  const bool by_settings = name.empty() && set != settings_.end();
  const std::string wanted(!name.empty()             ? name
                           : by_settings             ? set->second
                           : chosen != chosen_.end() ? chosen->second
                                                     : default_name(kind));
  const ModelFile* found = find(wanted);
  if (!found && by_settings)
    return Error{
        Code::invalid_argument,
        fmt::format("MEDSYNTH_{}_MODEL (or --{}-model) names the model {}, which is not installed; see "
                    "'medsynth models list'",
                    kind == "language" ? "LANGUAGE" : "ENTAILMENT", kind, wanted),
        "model_not_found"};
  bool substituted = false;
  if (!found && name.empty()) {
    // The default stands for "the best there is": a demo model of its kind answers in its place.
    const auto demo = std::find_if(models_.begin(), models_.end(),
                                   [&](const ModelFile& each) { return each.demo && each.kind == kind; });
    substituted = demo != models_.end();
    if (substituted) found = &*demo;
  }
  if (wanted.empty())
    return Error{
        Code::not_found,
        fmt::format("no {} model is chosen; add one with 'medsynth models add NAME FOLDER' and choose "
                    "it with 'medsynth models use NAME'",
                    kind),
        "model_not_found"};
  if (!found)
    return Error{
        Code::not_found,
        fmt::format(
            "the model {} is not installed; get the demo models with 'medsynth models pull', or enter a file "
            "with 'medsynth models add {} FILE'",
            wanted, is_name(wanted) ? wanted : "NAME"),
        "model_not_found"};
  // Who asks for a model by name means it: a language model can embed. Else it must be of its kind.
  const bool embeds = kind == "sentence" && !name.empty() && found->kind == "language";
  if (found->kind != kind && !embeds)
    return Error{Code::invalid_argument,
                 fmt::format("{} is a {} model; a {} model is wanted", wanted, found->kind, kind),
                 "wrong_kind"};
  BOOST_OUTCOME_TRY(auto path, locate(*found));
  return Resolved{*found, std::move(path), substituted};
}

Result<> Catalogue::put(ModelFile model, const fs::path& root) {
  BOOST_OUTCOME_TRY(check_entry(model));
  return change([&](Catalogue& newest) -> Result<> {
    std::vector<fs::path>& roots = newest.roots_;
    if (!root.empty() && std::find(roots.begin(), roots.end(), root) == roots.end()) roots.push_back(root);
    std::erase_if(newest.models_, [&](const ModelFile& each) { return each.name == model.name; });
    std::erase_if(newest.chosen_,
                  [&](const auto& each) { return each.second == model.name && each.first != model.kind; });
    newest.models_.push_back(model);
    return success();
  });
}

Result<> Catalogue::remove(std::string_view name) {
  return change([&](Catalogue& newest) -> Result<> {
    if (!newest.find(name)) return unknown_model(name);
    std::erase_if(newest.models_, [&](const ModelFile& each) { return each.name == name; });
    std::erase_if(newest.chosen_, [&](const auto& each) { return each.second == name; });
    return success();
  });
}

Result<> Catalogue::rename(std::string_view name, std::string_view other) {
  return change([&](Catalogue& newest) -> Result<> {
    const ModelFile* found = newest.find(name);
    if (!found) return unknown_model(name);
    if (newest.find(other))
      return Error{Code::conflict, fmt::format("{} is the name of another model already", other),
                   "model_exists"};
    ModelFile renamed = *found;
    renamed.name = other;
    BOOST_OUTCOME_TRY(check_entry(renamed));
    std::replace_if(
        newest.models_.begin(), newest.models_.end(),
        [&](const ModelFile& each) { return each.name == name; }, renamed);
    for (auto& [kind, chosen] : newest.chosen_)
      if (chosen == name) chosen = other;
    return success();
  });
}

Result<> Catalogue::use(std::string_view name) {
  return change([&](Catalogue& newest) -> Result<> {
    const ModelFile* found = newest.find(name);
    if (!found) return unknown_model(name);
    newest.chosen_[found->kind] = name;
    return success();
  });
}

// One writer at a time, on what the file holds now: another command may have written since it was read.
Result<> Catalogue::change(const std::function<Result<>(Catalogue&)>& edit) {
  std::error_code error;
  if (file_.has_parent_path()) fs::create_directories(file_.parent_path(), error);
  const FileLock lock(file_);
  if (!lock.held())
    return Error{Code::unavailable, "cannot write " + file_.string() + ": check the folder's rights", ""};
  BOOST_OUTCOME_TRY(auto newest, read(folder_, file_));
  newest.settings_ = settings_;
  BOOST_OUTCOME_TRY(edit(newest));
  BOOST_OUTCOME_TRY(newest.write());
  *this = std::move(newest);
  return success();
}

Result<> Catalogue::write() {
  std::sort(models_.begin(), models_.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.name < b.name; });
  toml::table tables;
  for (const ModelFile& model : models_) tables.insert(model.name, as_table(model));
  toml::table file;
  for (const auto& [kind, name] : chosen_) file.insert(default_key(kind), name);
  if (!roots_.empty()) {
    toml::array roots;
    for (const fs::path& root : roots_) roots.push_back(root.string());
    file.insert("roots", std::move(roots));
  }
  file.insert("models", std::move(tables));
  std::error_code error;
  const fs::path fresh = fmt::format("{}.{}", file_.string(), getpid());
  std::ofstream out(fresh);
  out << file << '\n';
  out.close();
  if (out) fs::rename(fresh, file_, error);
  if (!out || error) {
    fs::remove(fresh, error);
    return Error{
        Code::unavailable,
        fmt::format("cannot write {}: check the folder's rights and the disk's space", file_.string()), ""};
  }
  return success();
}

}  // namespace medsynth::models
