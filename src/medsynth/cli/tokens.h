// The keys that commands show servers: named for one command, or kept by `medsynth login`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth::cli {

// Where `login` keeps them: tokens.json of mode 600, beside the settings file; empty without a home folder.
std::filesystem::path token_store();

// MEDSYNTH_TOKEN, else what MEDSYNTH_TOKEN_FILE has, else the one that is kept for the server; "" for none.
// invalid_argument at "--token-file": it cannot be read, or is empty; errors of read_private_file() and a damaged
// store, with its path.
Result<std::string> token_for(const Settings& settings);

// In place of the one that was kept for the server. `url` as HttpClient::url() spells it.
Result<> keep_token(std::string_view url, std::string_view token);
// Whether there was one.
Result<bool> forget_token(std::string_view url);

}  // namespace medsynth::cli
