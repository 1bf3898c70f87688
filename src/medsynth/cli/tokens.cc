#include "medsynth/cli/tokens.h"

#include <cerrno>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/private_file.h"
#include "medsynth/cli/http_client.h"

namespace medsynth::cli {
namespace {

// Stored: frozen.
struct Tokens {
  std::map<std::string, std::string> tokens;  // by the server's address
};
BOOST_DESCRIBE_STRUCT(Tokens, (), (tokens))

Result<Tokens> read_store(const std::filesystem::path& file) {
  if (file.empty()) return Tokens{};
  BOOST_OUTCOME_TRY(const auto text, read_private_file(file));
  if (!text) return Tokens{};
  auto tokens = described::parse<Tokens>(*text);
  if (tokens) return tokens;
  // What is wrong with it is not said: it would be quoted.
  return invalid(file.string(), "is damaged: remove it, and log in again (medsynth login)");
}

// change(tokens), written; one process at a time.
template <class Change>
Result<> change_store(Change change) {
  const auto file = token_store();
  if (file.empty())
    return invalid("XDG_CONFIG_HOME", "is not set, and there is no home folder to keep keys in");
  const auto not_written = [&](const std::error_code& why) {
    return Error{Code::unavailable, fmt::format("{} cannot be written: {}", file.string(), why.message()),
                 "token_not_kept"};
  };
  const FileLock lock(file);
  if (!lock.held()) return not_written({errno != 0 ? errno : EIO, std::generic_category()});
  BOOST_OUTCOME_TRY(auto tokens, read_store(file));
  change(tokens.tokens);
  if (const auto error = write_private_file(file, described::write(tokens) + "\n")) return not_written(error);
  return success();
}

Result<std::string> read_token_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf()))
    return invalid("--token-file", fmt::format("'{}' cannot be read, or is empty", path));
  std::string token = text.str();
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty()) return invalid("--token-file", fmt::format("'{}' is empty", path));
  return token;
}

}  // namespace

std::filesystem::path token_store() {
  const auto settings = settings_file();
  return settings.empty() ? settings : settings.parent_path() / "tokens.json";
}

Result<std::string> token_for(const Settings& settings) {
  if (!settings.token.empty()) return settings.token;
  if (!settings.token_file.empty()) return read_token_file(settings.token_file);
  BOOST_OUTCOME_TRY(const auto server, HttpClient::canonical(settings.url));
  BOOST_OUTCOME_TRY(const auto store, read_store(token_store()));
  const auto found = store.tokens.find(server);
  return found == store.tokens.end() ? std::string() : found->second;
}

Result<> keep_token(std::string_view url, std::string_view token) {
  return change_store([&](auto& tokens) { tokens[std::string(url)] = token; });
}

Result<bool> forget_token(std::string_view url) {
  bool kept = false;
  BOOST_OUTCOME_TRY(change_store([&](auto& tokens) { kept = tokens.erase(std::string(url)) > 0; }));
  return kept;
}

}  // namespace medsynth::cli
