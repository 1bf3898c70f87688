// `medsynth models pull NAME|hf:OWNER/REPO|URL`: fetches a model and enters it into the catalogue.
#pragma once

#include <string>

#include "medsynth/base/error.h"
#include "medsynth/cli/app.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {

struct PullRequest {
  std::string from;    // a recommended model's name, hf:OWNER/REPO[:FILE], or an address
  std::string name;    // that it gets; empty: one made of `from`
  std::string sha256;  // wanted; empty: what the hub says
  bool yes = false;    // replaces a model of that name without asking, and fetches the same anew
};

struct Pulled {
  models::ModelFile model;
  bool fetched = false;  // false: it was there already
};

// Of two at a time for one name, the second waits and finds it done. What came of a pull that broke off stays in
// .pull/ of the models folder, and the next one goes on from there.
// Errors of hub::fetch_model() and inference::add_model(); conflict: the name is taken, and nobody said to replace.
Result<Pulled> pull_model(const Session& session, const PullRequest& request);

}  // namespace medsynth::cli
