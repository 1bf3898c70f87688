// The catalogue of model files: models.toml, written by `medsynth models add|pull`, read by workers.
//
//   [models.biomedlm]
//   file = "biomedlm-q8_0.gguf"      # below the models folder, or absolute below a configured root
//   sha256 = "..."
//   kind = "language"                # language | sentence | entailment
//   labels = "contradiction,entailment,neutral"   # of an entailment model, in the order of its outputs; empty:
//                                    # as its config.json says
//   context = 1024                   # tokens
//   memory_mb = 2900                 # in memory, 0 when unknown
//   parallel = 1                     # users at once on one machine
//   keep_alive = 600                 # seconds in memory after the last use; -1: for ever; absent: MODEL_CACHE_TTL
//   pinned = false                   # never evicted to make room for others
//   gpu = "prefer"                   # require: on GPUs or not at all; prefer: as far as it fits; never
//   demo = false
//   licence = "MIT"                  # empty when unknown
//   source = "hf:OWNER/REPO"         # what it was pulled from
//   notes = "..."
//
// Above the tables, `roots = ["/data/models"]` names further folders that files may lie in, and
// `language_model = "NAME"`, `sentence_model = "NAME"` and `entailment_model = "NAME"` the models that answer where none is named. Names
// are 1 to 100 letters, digits, dots, dashes and underscores. The program rewrites the file when it adds a
// model: comments in it are lost.
//
// A value: not changed by anybody else after reading; const calls are thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"
#include "medsynth/models/placement.h"

namespace medsynth::models {

struct ModelFile {
  std::string name;
  std::string file;    // as written in the catalogue
  std::string sha256;  // lowercase hex, empty when unknown
  std::string kind = "language";
  std::string labels = "";
  std::int64_t context = 0;
  std::int64_t memory_mb = 0;
  std::int64_t parallel = 1;
  std::optional<std::int64_t> keep_alive = std::nullopt;
  bool pinned = false;
  Gpu gpu = Gpu::prefer;
  bool demo = false;
  std::string licence;  // as an SPDX identifier where there is one; empty: not known
  std::string source;   // what it was pulled from; empty: it was added
  std::string notes;
};
BOOST_DESCRIBE_STRUCT(ModelFile, (),
                      (name, file, sha256, kind, labels, context, memory_mb, parallel, keep_alive, pinned,
                       gpu, demo, licence, source, notes))

// invalid_argument names the field that cannot be.
Result<> check_entry(const ModelFile& model);

// A model that answers to a name: the wanted one, or the demo model in its place.
struct Resolved {
  ModelFile model;
  std::filesystem::path path;
  bool substituted = false;  // the wanted model is not installed; the demo model of the same kind answers
};

class Catalogue {
 public:
  // Reads models.toml in `folder` (or at `catalogue` when not empty); a missing file is an empty catalogue.
  // `language_model` and `entailment_model` (of Settings), where they are not empty, are the defaults over the
  // file's.
  // invalid_argument names the entry and the field.
  static Result<Catalogue> read(const std::filesystem::path& folder,
                                const std::filesystem::path& catalogue = {},
                                std::string_view language_model = {}, std::string_view entailment_model = {});

  const std::vector<ModelFile>& models() const { return models_; }
  const ModelFile* find(std::string_view name) const;
  // `name` empty: the default of that kind, as chosen by use(), else "biomedlm" for language,
  // "all-minilm-l6-v2" for sentence; there is none for entailment.
  // not_found says how to get it (`medsynth models pull`, `medsynth models add`); not_allowed when the file
  // lies outside the folder and the roots, links followed; invalid_argument when it is of the other kind, or
  // the settings name one that is not installed. Only a default that nobody chose is substituted.
  Result<Resolved> resolve(std::string_view name, std::string_view kind) const;

  // Where the file of an entry lies, links followed (it need not exist); not_allowed as in resolve().
  Result<std::filesystem::path> locate(const ModelFile& model) const;

  // Adds or replaces an entry and writes the file (atomically, beside its old self). What others wrote since
  // it was read is kept. `root`, where it is not empty, becomes one of the roots.
  // unavailable: it cannot be written; invalid_argument: it was damaged meanwhile.
  Result<> put(ModelFile model, const std::filesystem::path& root = {});
  // A default goes with its entry.
  Result<> remove(std::string_view name);
  // Gives an entry another name; a default follows. not_found; conflict: the new name is taken.
  Result<> rename(std::string_view name, std::string_view other);
  // Makes it the default of its kind; not_found.
  Result<> use(std::string_view name);

  const std::filesystem::path& folder() const { return folder_; }

 private:
  // Reads the file anew, lets `edit` change that, and writes it, with no other writer in between.
  Result<> change(const std::function<Result<>(Catalogue&)>& edit);
  Result<> write();

  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::vector<std::filesystem::path> roots_;
  std::vector<ModelFile> models_;
  std::map<std::string, std::string, std::less<>> chosen_;    // name of the default by kind
  std::map<std::string, std::string, std::less<>> settings_;  // the same, of the settings
};

}  // namespace medsynth::models
