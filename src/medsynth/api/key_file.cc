#include "medsynth/api/key_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/private_file.h"
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

// change(keys), written where it succeeds; one process at a time.
template <class Change>
auto changed(const fs::path& file, Change change) -> decltype(change(std::declval<Keys&>())) {
  const FileLock lock(file);
  if (!lock.held()) return not_written(file, {errno != 0 ? errno : EIO, std::generic_category()});
  BOOST_OUTCOME_TRY(auto keys, load_keys(file));
  BOOST_OUTCOME_TRY(auto result, change(keys));
  if (const auto error = write_private_file(file, described::write(keys) + "\n"))
    return not_written(file, error);
  return result;
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

Result<NewKey> create_key(const fs::path& file, const KeyRequest& request, WallTime now) {
  BOOST_OUTCOME_TRY(check(request));
  return changed(file, [&](Keys& keys) -> Result<NewKey> {
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

Result<Key> revoke_key(const fs::path& file, std::string_view name_or_id, WallTime now) {
  return changed(file, [&](Keys& keys) -> Result<Key> {
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
