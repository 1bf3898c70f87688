#include "medsynth/api/problem.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace medsynth::api {
namespace {

// Wire codes for which HTTP has a status of its own.
struct Precise {
  std::string_view code;
  int status;
  std::string_view title;
  bool close = false;  // what follows on the connection cannot be told apart from the rest of this request
};
constexpr std::array kPrecise{
    Precise{"malformed_json", 400, "Malformed JSON"},
    Precise{"malformed_request", 400, "Malformed request", true},
    Precise{"key_required", 401, "Unauthorized"},
    Precise{"key_malformed", 401, "Unauthorized"},
    Precise{"key_unknown", 401, "Unauthorized"},
    Precise{"certificate_unknown", 401, "Unauthorized"},
    Precise{"key_expired", 401, "Unauthorized"},
    Precise{"key_revoked", 401, "Unauthorized"},
    Precise{"token_malformed", 401, "Unauthorized"},
    Precise{"token_not_trusted", 401, "Unauthorized"},
    Precise{"token_issuer", 401, "Unauthorized"},
    Precise{"token_audience", 401, "Unauthorized"},
    Precise{"token_expired", 401, "Unauthorized"},
    Precise{"token_not_yet_valid", 401, "Unauthorized"},
    Precise{"token_claim", 401, "Unauthorized"},
    Precise{"method_not_allowed", 405, "Method not allowed"},
    Precise{"request_timeout", 408, "Request timeout", true},
    Precise{"length_required", 411, "Length required", true},
    Precise{"payload_too_large", 413, "Payload too large", true},
    Precise{"unsupported_media_type", 415, "Unsupported media type"},
    Precise{"unsupported_content_encoding", 415, "Unsupported content encoding"},
    Precise{"misdirected_request", 421, "Misdirected request", true},
    Precise{"header_too_large", 431, "Request header fields too large", true},
    // Redis answers late, or not at all: to the caller that is one thing, and it is worth a retry.
    Precise{"redis_timeout", 503, "Unavailable"},
    Precise{"redis_closed", 503, "Unavailable"},
    // Seen while its body still comes, or after a body that was not kept.
    Precise{"too_many_bytes", 503, "Unavailable", true},
};

const Precise* find_precise(const Error& error) {
  const std::string_view code = wire_code(error);
  const auto found =
      std::find_if(kPrecise.begin(), kPrecise.end(), [&](const Precise& each) { return each.code == code; });
  return found == kPrecise.end() ? nullptr : &*found;
}

}  // namespace

std::string_view method_name(Method method) {
  constexpr std::array<std::string_view, 7> kNames{"GET",    "HEAD",    "POST", "PUT",
                                                   "DELETE", "OPTIONS", "OTHER"};
  return kNames[static_cast<std::size_t>(method)];
}

int http_status(const Error& error) {
  const Precise* precise = find_precise(error);
  return precise ? precise->status : info(error.code).http_status;
}

Response problem(const Error& error, std::string_view request_id) {
  const Precise* precise = find_precise(error);
  Problem body{.type = fmt::format("/problems/{}", wire_code(error)),
               .title = std::string(precise ? precise->title : info(error.code).title),
               .status = http_status(error),
               .detail = error.message,
               .code = std::string(wire_code(error)),
               .request_id = std::string(request_id),
               .errors = {}};
  for (const Fault& fault : error.faults) body.errors.push_back({fault.pointer, fault.detail});
  Response response{.status = static_cast<int>(body.status),
                    .content_type = "application/problem+json",
                    .body = described::write(body),
                    .code = body.code};
  if (response.status == 429 || response.status == 503)
    response.headers.emplace_back(
        "Retry-After", std::to_string(error.retry_after.value_or(std::chrono::seconds(1)).count()));
  if (response.status == 401)  // RFC 6750, 3
    response.headers.emplace_back("WWW-Authenticate",
                                  body.code == "key_required"
                                      ? R"(Bearer realm="medsynth")"
                                      : R"(Bearer realm="medsynth", error="invalid_token")");
  if (body.code == "unsupported_content_encoding")
    response.headers.emplace_back("Accept-Encoding", "identity");
  response.close = precise && precise->close;
  return response;
}

Error unknown_path() {
  return {Code::not_found, "No such path. /openapi.json lists all there are.", "unknown_path"};
}

Error method_not_allowed(std::string_view allow) {
  return {Code::invalid_argument, fmt::format("This path does not take that method: use {}.", allow),
          "method_not_allowed"};
}

Error unsupported_media_type(std::string_view wanted) {
  return {Code::invalid_argument,
          fmt::format("The body must be {}: send Content-Type: {}.",
                      wanted == "application/json" ? "JSON" : "the bytes of one file, as they are", wanted),
          "unsupported_media_type"};
}

Error length_required() {
  return {Code::invalid_argument,
          "This call needs a body: send Content-Length, or Transfer-Encoding: chunked.", "length_required"};
}

}  // namespace medsynth::api
