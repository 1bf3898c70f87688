// One file from the web onto the disk, where the last try left off. Beside FILE lie FILE.part, what has come, and
// FILE.part.json, what it is a part of; both go when FILE is whole. Blocking; one caller per file (see PullLock).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"
#include "medsynth/hub/address.h"
#include "medsynth/hub/get.h"

namespace medsynth::hub {

struct Source {
  Address address;
  std::string token = {};   // sent to the address's own origin, and not where it leads; empty: none
  std::string sha256 = {};  // wanted; empty: what the server says, if it does
  std::uint64_t bytes = 0;  // wanted; 0: what the server says
  bool of_hub = false;      // its ETag is a sha256 where it looks like one
  // The Error that a status of its own origin stands for; without it, and elsewhere, the status says all.
  std::function<Error(const Head&)> refusal = {};
};

struct Fetch {
  Environment environment = process_environment;                             // the proxies
  std::function<void(std::uint64_t have, std::uint64_t all)> progress = {};  // `all` 0: not known
  std::chrono::milliseconds silence{30'000};                                 // how long nothing may come
  std::chrono::milliseconds pause{1'000};  // before it goes on after a break
  std::stop_token stop = {};
};

// GETs a text of at most 16 MiB, redirects followed; its head is that of the last answer.
struct Text {
  Head head;
  std::string body;
};
Result<Text> fetch_text(const Source& source, const Fetch& options);

// Leaves the whole file at `file`, its digest checked, and gives its sha256. An attempt that brought something is
// followed by another; what came stays for the next call when that fails.
// exhausted ("no_room"): looked at before the first byte; invalid_argument ("wrong_digest", "wrong_size"): what
// came is removed; unavailable, timeout, cancelled, not_allowed: see get() and redirected().
Result<std::string> download(const Source& source, const std::filesystem::path& file, const Fetch& options);

}  // namespace medsynth::hub
