// Where a server gets the public keys of the issuer whose tokens are keys as well.
#pragma once

#include "medsynth/api/issuer.h"
#include "medsynth/base/settings.h"

namespace medsynth::cli {

// Without a `fetch` where there is no issuer. invalid_argument at "--jwt-keys" and as of api::token_rules(): something is
// missing, an address that anybody on the way could answer for, a file without keys.
Result<api::IssuerOptions> issuer_options(const Settings& settings);

}  // namespace medsynth::cli
