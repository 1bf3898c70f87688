#include "medsynth/cli/issuer_keys.h"

#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "medsynth/cli/http_client.h"

namespace medsynth::cli {
namespace {

constexpr std::size_t kMaxBytes = 1024 * 1024;  // key sets have some kilobytes
constexpr std::chrono::seconds kTimeout{10};

Result<std::string> read_key_set(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMaxBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!text.empty()) return text;
  return Error{Code::unavailable, fmt::format("{} cannot be read, or is empty", file.string()), ""};
}

// By an address; the client is made once, so that what is wrong with it is said at the start.
Result<api::IssuerOptions> fetched(const Settings& settings, api::IssuerOptions options) {
  auto client = HttpClient::open(settings.jwt_keys, {.ca_file = settings.ca_file});
  if (!client && client.error().faults.at(0).pointer != "--url") return client.error();
  if (!client) return invalid("--jwt-keys", client.error().faults.at(0).detail);
  if (!settings.jwt_keys.starts_with("https://") && !client->is_loopback())
    return invalid("--jwt-keys",
                   "must be an https:// address: whoever answers for another one decides who gets in");
  options.fetch = [client = std::move(*client)](std::stop_token stop) {
    return client.until(std::move(stop)).fetch(kMaxBytes, kTimeout);
  };
  return options;
}

}  // namespace

Result<api::IssuerOptions> issuer_options(const Settings& settings) {
  if (settings.jwt_issuer.empty()) return api::IssuerOptions{};
  api::IssuerOptions options;
  BOOST_OUTCOME_TRY(options.rules,
                    api::token_rules(settings.jwt_issuer, settings.jwt_audience, listed(settings.jwt_claims),
                                     listed(settings.jwt_scopes), std::chrono::seconds(settings.jwt_leeway)));
  if (settings.jwt_keys.empty())
    return invalid("--jwt-keys",
                   "is missing: the issuer's JWK set, as an https:// address (jwks_uri of its "
                   "/.well-known/openid-configuration) or a file");
  if (settings.jwt_keys.find("://") != std::string::npos) return fetched(settings, std::move(options));
  options.file = settings.jwt_keys;
  options.fetch = [file = options.file](const std::stop_token&) { return read_key_set(file); };
  // A file is there from the start; an issuer may be away.
  const auto text = read_key_set(options.file);
  if (!text) return invalid("--jwt-keys", text.error().message);
  const auto keys = api::KeySet::parse(*text);
  if (!keys)
    return invalid("--jwt-keys",
                   fmt::format("{} is no JWK set: {}", options.file.string(), keys.error().message));
  return options;
}

}  // namespace medsynth::cli
