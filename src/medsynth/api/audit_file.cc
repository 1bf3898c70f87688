#include "medsynth/api/audit_file.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/id.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/private_file.h"

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

// Lines have some hundred bytes, and no more than a few thousand.
constexpr std::size_t kTailBytes = 64 * 1024;
constexpr std::size_t kDigits = 6;

Error not_written(const fs::path& file, const std::error_code& why) {
  return {Code::unavailable,
          fmt::format("the audit log {} cannot be written ({}): make room, or let it be written again",
                      file.string(), why.message()),
          "audit_not_written"};
}

// The number that `name` has behind the log's own name; 0: it is another file.
std::int64_t number_of(const std::string& name, const std::string& log) {
  if (!name.starts_with(log + ".")) return 0;
  const std::string_view digits = std::string_view(name).substr(log.size() + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  constexpr std::size_t kMostDigits = 15;
  if (digits.size() < kDigits || digits.size() > kMostDigits ||
      !std::all_of(digits.begin(), digits.end(), is_digit))
    return 0;
  return std::stoll(std::string(digits));
}

// The files that the log was before, oldest first.
Result<std::vector<std::pair<std::int64_t, fs::path>>> earlier_files(const fs::path& path) {
  std::vector<std::pair<std::int64_t, fs::path>> files;
  std::error_code error;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator each(folder, error), end; !error && each != end; each.increment(error))
    if (const std::int64_t number = number_of(each->path().filename().string(), path.filename().string()))
      files.emplace_back(number, each->path());
  if (error && error != std::errc::no_such_file_or_directory)
    return Error{Code::unavailable, fmt::format("{} cannot be read: {}", folder.string(), error.message()),
                 "unreadable_file"};
  std::sort(files.begin(), files.end());
  return files;
}

struct End {
  ChainEnd chain;
  bool is_cut = false;  // the last line has no line break
};

// Of a file, of which `tail` is the end.
End end_of(std::string_view tail) {
  End end;
  end.is_cut = !tail.empty() && !tail.ends_with('\n');
  if (!tail.empty() && !end.is_cut) tail.remove_suffix(1);
  for (bool is_last = true; !tail.empty(); is_last = false) {
    const std::size_t at = tail.rfind('\n');
    const std::string_view line = at == tail.npos ? tail : tail.substr(at + 1);
    if (is_last) end.chain.hash = sha256_hex(line);
    if (const auto entry = read_audit_line(line)) {
      end.chain.number = entry->number;
      break;
    }
    tail = tail.substr(0, at == tail.npos ? 0 : at);
  }
  return end;
}

Result<End> end_of_file(const fs::path& file) {
  BOOST_OUTCOME_TRY(const auto tail, read_private_file(file, kTailBytes));
  return end_of(tail.value_or(""));
}

// The log where it ends now; what is full has become an earlier file.
Result<End> begin_to_append(const AuditFile& file) {
  std::error_code error;
  const auto size = fs::file_size(file.path, error);
  if (!error && size > 0 && size < file.max_bytes) return end_of_file(file.path);
  BOOST_OUTCOME_TRY(const auto earlier, earlier_files(file.path));
  if (!error && size > 0) {
    BOOST_OUTCOME_TRY(auto end, end_of_file(file.path));
    // One that was cut off is marked where it is, however large that becomes.
    if (end.is_cut) return end;
    const std::int64_t next = earlier.empty() ? 1 : earlier.back().first + 1;
    fs::rename(file.path, fmt::format("{}.{:0{}}", file.path.string(), next, kDigits), error);
    if (error) return not_written(file.path, error);
    return end;
  }
  if (earlier.empty()) return End{};
  return end_of_file(earlier.back().second);
}

}  // namespace

AuditFile audit_file(const Settings& settings) {
  if (settings.audit_log == "off") return {};
  return {.path = settings.audit_log == "auto" ? data_dir(settings) / "audit.jsonl"
                                               : fs::path(settings.audit_log),
          .max_bytes = static_cast<std::size_t>(settings.audit_log_size) * 1024 * 1024};
}

Result<> append_audit(const AuditFile& file, std::span<const AuditEntry> entries) {
  const FileLock lock(file.path);
  if (!lock.held()) return not_written(file.path, {errno != 0 ? errno : EIO, std::generic_category()});
  BOOST_OUTCOME_TRY(auto end, begin_to_append(file));
  std::string text;
  if (end.is_cut) {
    const AuditEntry mark{.time = rfc3339(system_clock().now()), .action = std::string(kLineCut)};
    text = "\n" + audit_line(mark, end.chain) + "\n";
  }
  for (const AuditEntry& each : entries) text += audit_line(each, end.chain) + "\n";
  if (const auto error = append_private_file(file.path, text)) return not_written(file.path, error);
  return success();
}

Result<std::vector<fs::path>> audit_files(const fs::path& path) {
  BOOST_OUTCOME_TRY(const auto earlier, earlier_files(path));
  std::vector<fs::path> files;
  for (const auto& [number, file] : earlier) files.push_back(file);
  std::error_code error;
  if (fs::exists(path, error)) files.push_back(path);
  return files;
}

Result<> read_audit(const fs::path& path,
                    const std::function<void(std::string_view line, const std::string& where)>& take,
                    bool& is_cut) {
  BOOST_OUTCOME_TRY(const auto files, audit_files(path));
  if (files.empty())
    return Error{Code::not_found, fmt::format("there is no audit log {}", path.string()), "no_audit_log"};
  const FileLock lock(path);
  is_cut = false;
  for (const fs::path& file : files) {
    BOOST_OUTCOME_TRY(const auto text, read_private_file(file));
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    is_cut = !rest.empty() && !rest.ends_with('\n');
    for (std::int64_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      take(rest.substr(0, end), fmt::format("{}, line {}", file.filename().string(), number));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return success();
}

Result<ChainCheck> verify_audit(const fs::path& path, std::string expected) {
  BOOST_OUTCOME_TRY(const auto earlier, earlier_files(path));
  ChainCheck check(std::move(expected));
  for (std::size_t i = 1; i < earlier.size(); ++i)
    for (std::int64_t number = earlier[i - 1].first + 1; number < earlier[i].first; ++number)
      check.add_break(fmt::format("{}.{:0{}}", path.filename().string(), number, kDigits),
                      "this file is missing");
  std::error_code error;
  if (!earlier.empty() && !fs::exists(path, error))
    check.add_break(path.filename().string(), "this file is missing");
  bool is_cut = false;
  BOOST_OUTCOME_TRY(read_audit(
      path, [&](std::string_view line, const std::string& where) { check.take(line, where); }, is_cut));
  check.end(is_cut);
  return check;
}

}  // namespace medsynth::api
