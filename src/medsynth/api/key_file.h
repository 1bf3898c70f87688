// The file of keys: hashes, never the keys themselves. Whoever may write it may call the API, so it is its owner's
// alone. Safe among processes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "medsynth/api/audit_file.h"
#include "medsynth/api/keys.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

std::filesystem::path key_file(const std::filesystem::path& data_dir);

// None when there is no file. Errors name the path: unreadable, not private (mode 600), or damaged.
Result<Keys> load_keys(const std::filesystem::path& file);

// Adds a key, and says so in the audit log before: without its line there is no change. invalid_argument at "NAME",
// "--scope", "--expires", "--queue", "--model"; conflict ("key_exists"): an active key has the name; unavailable
// ("keys_not_written", "audit_not_written").
Result<NewKey> create_key(const std::filesystem::path& file, const KeyRequest& request, WallTime now,
                          const AuditFile& audit = {});

// By id, or by the name of an active key; the key as it is now. not_found ("key_not_found"). One that was revoked
// stays so.
Result<Key> revoke_key(const std::filesystem::path& file, std::string_view name_or_id, WallTime now,
                       const AuditFile& audit = {});

}  // namespace medsynth::api
