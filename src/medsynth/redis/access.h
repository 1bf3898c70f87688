// How its owner gets into a managed Redis, and nobody else: by its socket and a password, both in its folder
// (mode 700). Two files there say it: `password` (mode 600) stays over restarts; `access` names the address
// that is served and the socket, for as long as a server of ours serves it or is to be back in a moment.
//
// So REDIS_URL may stay redis://localhost:6379/0 for the owner's programs, and a program of another user, or
// one that does not look here, is told NOAUTH.
#pragma once

#include <filesystem>
#include <string>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"
#include "medsynth/redis/url.h"

namespace medsynth::redis {

// REDIS_URL, with the folder of the managed Redis that may serve it. Errors as of parse_url().
Result<Url> url_of(const Settings& settings);

// Where a connection for `url` goes: to the socket of the managed Redis that serves this address, even where
// it is away for a moment (somebody else may listen at the address then), else to `url` itself. Asked anew
// for each connection; reads one small file.
Url way_in(const Url& url);

// The same for other libraries: the text of a URL as redis-py reads it, with the password. Where nobody
// serves REDIS_URL, it is where the managed Redis of before will be.
Result<std::string> url_for_others(const Settings& settings);

// ---- for the managed Redis ----

// The kept password, else a new one, which is kept.
Result<std::string> kept_password(const std::filesystem::path& folder);
// Says that the address of `url` is served, from now on.
Result<> claim(const std::filesystem::path& folder, const Url& url, const std::string& password,
               const std::filesystem::path& socket);
// Says that it is not.
void disclaim(const std::filesystem::path& folder);

}  // namespace medsynth::redis
