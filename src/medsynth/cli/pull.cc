#include "medsynth/cli/pull.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/private_file.h"
#include "medsynth/hub/hub.h"
#include "medsynth/hub/recommended.h"
#include "medsynth/inference/install.h"
#include "medsynth/models/digest.h"

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kLongestPull = std::chrono::hours(6);  // of another process, that this one waits for
constexpr auto kLookAgain = 200ms;

// One line on a terminal: how far it is, and how fast. Said some times a second, however small the pieces are.
class PullProgress {
 public:
  explicit PullProgress(std::string name) : name_(std::move(name)) {
    line_.show(fmt::format("fetching {}", name_));
  }

  void show(std::uint64_t have, std::uint64_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < kLookAgain && have != all) return;
    if (!start_ || have < first_) start_ = now, first_ = have;
    shown_ = now;
    const double passed = std::chrono::duration<double>(now - *start_).count();
    const std::string rate =
        passed > 1 ? fmt::format(", {}/s", bytes(static_cast<double>(have - first_) / passed)) : "";
    const std::string what = fmt::format("fetching {}: {}{}", name_, bytes(static_cast<double>(have)), rate);
    if (all > 0)
      line_.show(what, 100.0 * static_cast<double>(have) / static_cast<double>(all));
    else
      line_.show(what);
  }

 private:
  const std::string name_;
  ProgressLine line_;
  std::chrono::steady_clock::time_point shown_;
  std::optional<std::chrono::steady_clock::time_point> start_;
  std::uint64_t first_ = 0;
};

Result<models::Catalogue> read_catalogue(const Session& session) {
  const Settings& settings = session.settings();
  return models::Catalogue::read(models_dir(settings), settings.models_catalogue, settings.language_model);
}

// The entry of that name, where its file is whole and the wanted one, or was pulled from there.
std::optional<models::ModelFile> installed(const models::Catalogue& catalogue,
                                           const models::ModelFile& wanted, bool anew) {
  const models::ModelFile* entry = catalogue.find(wanted.name);
  if (!entry) return std::nullopt;
  const bool is_it =
      wanted.sha256.empty() ? !anew && entry->source == wanted.source : entry->sha256 == wanted.sha256;
  if (!is_it) return std::nullopt;
  const auto path = catalogue.locate(*entry);
  const auto digest = path ? models::file_digest(*path) : Result<std::string>(path.error());
  return digest && *digest == entry->sha256 ? std::optional(*entry) : std::nullopt;
}

Result<FileLock> wait_for_others(const fs::path& file, const std::string& name) {
  ProgressLine line;
  for (const auto deadline = std::chrono::steady_clock::now() + kLongestPull;;) {
    FileLock lock(file, std::chrono::milliseconds(0));
    if (lock.held()) return lock;
    if (errno != EWOULDBLOCK)
      return Error{Code::unavailable, "cannot write " + file.string() + ": check the folder's rights", ""};
    if (std::chrono::steady_clock::now() >= deadline)
      return Error{Code::timeout,
                   fmt::format("another pull of {} has not ended for hours: is it stuck?", name), ""};
    line.show(fmt::format("another pull of {} is under way: waiting for it", name));
    std::this_thread::sleep_for(kLookAgain);
  }
}

Result<> may_replace(const models::Catalogue& catalogue, const std::string& name, bool yes) {
  const models::ModelFile* old = catalogue.find(name);
  if (!old || yes) return success();
  const auto sure = confirm(fmt::format("Replace {} ({})?", old->name, old->file), yes);
  if (sure || sure.error().code == Code::cancelled) return sure;
  return Error{
      Code::conflict,
      fmt::format(
          "{} is the name of {} already: give this one another with --name, or replace that with --yes",
          old->name, old->file),
      "model_exists"};
}

// A GGUF file goes into the models folder; an ONNX file stays in a folder with what belongs to it, which is called as the
// model is. What cannot be entered leaves all as it was.
Result<models::ModelFile> enter(models::Catalogue& catalogue, models::ModelFile model,
                                const fs::path& place) {
  if (fs::path(model.file).extension() != ".onnx")
    return inference::add_model(catalogue, std::move(model), {}, {.move = true, .replace = true});
  const fs::path folder = catalogue.folder() / model.name, old = place.string() + ".old";
  const models::ModelFile* entry = catalogue.find(model.name);
  const auto located = entry ? catalogue.locate(*entry) : Result<fs::path>(fs::path());
  std::error_code error;
  const bool there = fs::exists(fs::symlink_status(folder, error));
  if (there && (!located || located->parent_path() != fs::weakly_canonical(folder)))
    return Error{
        Code::conflict,
        fmt::format(
            "{} is there already, and is not the folder of {}: give this one another name with --name",
            folder.string(), model.name),
        "file_exists"};
  fs::remove_all(old, error);
  if (there) fs::rename(folder, old, error);
  fs::rename(place, folder, error);
  if (error)
    return Error{Code::unavailable, fmt::format("cannot write {}: {}", folder.string(), error.message()), ""};
  model.file = folder / fs::path(model.file).filename();
  auto added = inference::add_model(catalogue, std::move(model), {}, {.replace = true});
  if (!added) {
    fs::remove_all(folder, error);
    if (there) fs::rename(old, folder, error);
  }
  fs::remove_all(old, error);
  return added;
}

}  // namespace

Result<Pulled> pull_model(const Session& session, const PullRequest& request) {
  const Settings& settings = session.settings();
  const auto address = hub::parse_address(settings.hub_url);
  if (!address) {
    Error error = address.error();
    error.message = "HF_ENDPOINT (or --hub-url): " + error.message;
    return error;
  }
  const hub::Hub hub{.address = *address, .token = settings.hub_token};
  const hub::Recommended* known = hub::find_recommended(request.from);
  if (!known && request.from.find(':') == std::string::npos)
    return Error{
        Code::not_found,
        fmt::format(
            "no model is called {0}: 'medsynth models list --available' says which there are; another one "
            "of the hub is hf:OWNER/REPO",
            request.from),
        "model_not_found"};
  const std::string from(known ? known->from : std::string_view(request.from));
  const std::string sha256(request.sha256.empty() && known ? known->sha256
                                                           : std::string_view(request.sha256));
  models::ModelFile model{.name = request.name};
  if (known) {
    model.kind = known->kind;
    model.licence = known->licence;
  }
  if (model.name.empty()) model.name = known ? std::string(known->name) : hub::name_of(from, hub.address);
  model.file = "?";  // not known yet
  model.sha256 = sha256;
  model.source = from;
  BOOST_OUTCOME_TRY(models::check_entry(model));

  BOOST_OUTCOME_TRY(auto catalogue, read_catalogue(session));
  if (auto entry = installed(catalogue, model, request.yes)) return Pulled{std::move(*entry)};
  BOOST_OUTCOME_TRY(may_replace(catalogue, model.name, request.yes));
  const fs::path folder = catalogue.folder() / ".pull";
  std::error_code error;
  fs::create_directories(folder, error);
  BOOST_OUTCOME_TRY(const auto lock, wait_for_others(folder / model.name, model.name));
  BOOST_OUTCOME_TRY(auto newest, read_catalogue(session));
  const bool was_there = catalogue.find(model.name) != nullptr;
  if (auto entry = was_there ? std::nullopt : installed(newest, model, false))
    return Pulled{std::move(*entry)};

  const fs::path place = folder / model.name;
  const auto fetched = [&] {
    PullProgress progress(model.name);
    return hub::fetch_model(
        hub, from, sha256, place,
        {.progress = [&](std::uint64_t have, std::uint64_t all) { progress.show(have, all); }});
  }();
  if (!fetched) return fetched.error();
  model.file = fetched->model.string();
  model.sha256 = fetched->sha256;
  auto added = enter(newest, std::move(model), place);
  // What is no model is not kept for another try.
  if (added || added.error().code == Code::invalid_argument) fs::remove_all(place, error);
  BOOST_OUTCOME_TRY(auto entry, std::move(added));
  return Pulled{std::move(entry), true};
}

}  // namespace medsynth::cli
