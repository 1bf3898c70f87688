#include "medsynth/api/key_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/id.h"
#include "medsynth/base/private_file.h"
#include "medsynth/base/text.h"
#include "medsynth/dramatiq/message.h"

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

Error not_written(const fs::path& file, const std::error_code& why) {
  return {Code::unavailable,
          fmt::format("{} cannot be written ({}): nothing was changed", file.string(), why.message()),
          "keys_not_written"};
}

Result<> check(const KeyRequest& request) {
  BOOST_OUTCOME_TRY(check_name("NAME", request.name));
  if (without_keys(request.name) != request.name)
    return invalid("NAME", "is a key itself: say whose or what for the new one is");
  if (request.scopes.empty())
    return invalid("--scope", "is missing: one or more of read, submit, operate, admin");
  if (request.lifetime && request.lifetime->count() <= 0)
    return invalid("--expires", "must be in the future");
  for (const std::string& queue : request.queues) {
    if (const auto checked = dramatiq::check_queue_name(queue); !checked)
      return invalid("--queue", checked.error().faults.at(0).detail);
  }
  for (const std::string& model : request.models) {
    BOOST_OUTCOME_TRY(check_name("--model", model));
  }
  return success();
}

const Key& key_of(const Key& key) {
  return key;
}
const Key& key_of(const NewKey& made) {
  return made.key;
}

AuditEntry audit_entry(std::string_view action, const Key& key) {
  std::vector<std::string_view> scopes;
  for (const Scope each : key.scopes) scopes.push_back(described::enum_name(each));
  return {
      .time = rfc3339(system_clock().now()),
      .action = std::string(action),
      .target = key.name,
      .status = 200,
      .from = fmt::format("uid {}", ::getuid()),
      .detail = audit_text(fmt::format("key {}: {}; expires {}; limits {}", key.id, fmt::join(scopes, ", "),
                                       key.expires_at.value_or("never"), limits_text(key.limits)))};
}

// change(keys), recorded and written where it succeeds; one process at a time.
template <class Change>
auto changed(const fs::path& file, const AuditFile& audit, std::string_view action, Change change)
    -> decltype(change(std::declval<Keys&>())) {
  const FileLock lock(file);
  if (!lock.held()) return not_written(file, {errno != 0 ? errno : EIO, std::generic_category()});
  BOOST_OUTCOME_TRY(auto keys, load_keys(file));
  BOOST_OUTCOME_TRY(auto result, change(keys));
  AuditEntry entry = audit_entry(action, key_of(result));
  if (!audit.path.empty()) {
    BOOST_OUTCOME_TRY(append_audit(audit, {&entry, 1}));
  }
  const auto error = write_private_file(file, described::write(keys) + "\n");
  if (!error) return result;
  const Error refused = not_written(file, error);
  entry.status = info(refused.code).http_status;
  entry.code = refused.reason;
  if (!audit.path.empty()) (void)append_audit(audit, {&entry, 1});
  return refused;
}

}  // namespace

fs::path key_file(const fs::path& data_dir) {
  return data_dir / "keys.json";
}

Result<Keys> load_keys(const fs::path& file) {
  BOOST_OUTCOME_TRY(const auto text, read_private_file(file));
  if (!text) return Keys{};
  auto keys = read_keys(*text);
  if (keys) return keys;
  return Error{
      Code::invalid_argument,
      fmt::format("the file of keys {} is damaged ({}): restore it, or remove it and create new keys",
                  file.string(), keys.error().message),
      "keys_damaged"};
}

Result<NewKey> create_key(const fs::path& file, const KeyRequest& request, WallTime now,
                          const AuditFile& audit) {
  BOOST_OUTCOME_TRY(check(request));
  return changed(file, audit, kKeysCreate, [&](Keys& keys) -> Result<NewKey> {
    for (const Key& each : keys.keys) {
      const bool same =
          each.name == request.name || (request.certificate && each.certificate == request.certificate);
      if (same && state_of(each, now) == KeyState::active)
        return Error{Code::conflict,
                     fmt::format("there is a key '{}' {}already: choose another, or revoke it first "
                                 "(medsynth keys revoke {})",
                                 each.name, each.name == request.name ? "" : "of that certificate ", each.id),
                     "key_exists"};
    }
    NewKey made = make_key(request, now);
    keys.keys.push_back(made.key);
    return made;
  });
}

Result<Key> revoke_key(const fs::path& file, std::string_view name_or_id, WallTime now,
                       const AuditFile& audit) {
  return changed(file, audit, kKeysRevoke, [&](Keys& keys) -> Result<Key> {
    const auto is_meant = [&](const Key& each) {
      return each.id == name_or_id || (each.name == name_or_id && state_of(each, now) == KeyState::active);
    };
    const auto found = std::find_if(keys.keys.begin(), keys.keys.end(), is_meant);
    if (found == keys.keys.end())
      return Error{Code::not_found,
                   fmt::format("there is no key '{}' in {}: 'medsynth keys list' shows all", name_or_id,
                               file.string()),
                   "key_not_found"};
    if (!found->revoked_at) found->revoked_at = rfc3339(now);
    return *found;
  });
}

}  // namespace medsynth::api
