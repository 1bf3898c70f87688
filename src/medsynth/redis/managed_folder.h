// The folder of a managed Redis, and files in it that are the owner's alone: mode 600, and never a link.
// Internal to managed.cc and access.cc.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "medsynth/base/descriptor.h"
#include "medsynth/base/error.h"

namespace medsynth::redis {

// unavailable, with the reason "redis_not_started" and errno's words.
Error system_failure(std::string_view what, const std::filesystem::path& path);

// What follows refuses links and what belongs to others: unavailable, "redis_folder_unsafe".

// Makes it, with mode 700. The folder that it lies in may be a link: it is the owner's own setting.
Result<> make_managed_folder(const std::filesystem::path& folder);
// Looks at all that lies in it: Redis would read and overwrite what is there.
Result<> check_managed_folder(const std::filesystem::path& folder);
// Made where it is missing.
Result<Descriptor> open_own(const std::filesystem::path& path, int flags);
// All of it or nothing of it (base/private_file.h).
Result<> write_own(const std::filesystem::path& path, std::string_view text);

}  // namespace medsynth::redis
