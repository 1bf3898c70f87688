// One GET on the web: TLS checked against the system's authorities (SSL_CERT_FILE names others), proxies of the
// environment, no redirects, the body piece by piece. Blocking; thread safe (no state).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/hub/address.h"

namespace medsynth::hub {

struct Head {
  int status = 0;
  std::map<std::string, std::string, std::less<>> fields;  // names in lower case
  std::string_view field(std::string_view name) const;     // "" where it is absent
};

struct Get {
  Address address;
  std::optional<Proxy> proxy = std::nullopt;
  std::map<std::string, std::string> fields = {};
  // Called once, before the body. An error of it ends the call, and so does one of `on_body`.
  std::function<Result<>(const Head&)> on_head = {};
  std::function<Result<>(std::string_view)> on_body = {};
  std::chrono::milliseconds silence{30'000};  // how long nothing may come
  std::stop_token stop = {};
};

// Any status is a success, once its whole body has come. unavailable: nobody answers, the certificate is not
// trusted ("not_trusted"), or the answer broke off ("broke_off"); timeout ("no_answer"); cancelled.
Result<Head> get(const Get& call);

}  // namespace medsynth::hub
