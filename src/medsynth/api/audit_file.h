// The audit log on the disk: FILE, and FILE.000001, FILE.000002, ... that it was before; one chain goes through all of
// them. Mode 600. Processes take turns by a lock, so several may write to one log. Everything here waits for a disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "medsynth/api/audit.h"
#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth::api {

struct AuditFile {
  std::filesystem::path path = {};           // "": there is none
  std::size_t max_bytes = 64 * 1024 * 1024;  // from there on the log goes on in a new file
};

// That of `audit_log`: none ("") where it is "off", in the data folder where it is "auto".
AuditFile audit_file(const Settings& settings);

// All of them, chained, on the disk when it returns; or none of them. unavailable ("audit_not_written") with the path
// and why. A line that was cut off before is marked by one of its own (kLineCut).
Result<> append_audit(const AuditFile& file, std::span<const AuditEntry> entries);

// From the oldest to `path` itself; those that are there. unavailable: the folder cannot be read.
Result<std::vector<std::filesystem::path>> audit_files(const std::filesystem::path& path);

// Every line of the log, in order. While it reads nobody writes. Errors of read_private_file(); not_found
// ("no_audit_log").
Result<> read_audit(const std::filesystem::path& path,
                    const std::function<void(std::string_view line, const std::string& where)>& take,
                    bool& is_cut);

// The whole log; `expected` as ChainCheck's. Files that are missing in between are breaks too. Errors of read_audit().
Result<ChainCheck> verify_audit(const std::filesystem::path& path, std::string expected = "");

}  // namespace medsynth::api
