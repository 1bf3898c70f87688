// Errors as answers: the one place where an Error becomes HTTP (RFC 9457, application/problem+json). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/api/http.h"
#include "medsynth/base/described.h"
#include "medsynth/base/error.h"

namespace medsynth::api {

struct ProblemFault {
  std::string pointer;
  std::string detail;
};
BOOST_DESCRIBE_STRUCT(ProblemFault, (), (pointer, detail))

struct Problem {
  std::string type;  // relative: "/problems/<code>"
  std::string title;
  std::int64_t status = 500;
  std::string detail;
  std::string code;
  std::string request_id;
  std::vector<ProblemFault> errors;
};
BOOST_DESCRIBE_STRUCT(Problem, (), (type, title, status, detail, code, request_id, errors))

// The status follows from the error's code (base's table), or from its wire code where HTTP is more precise
// than "invalid argument" ("malformed_json" is 400, "payload_too_large" 413 and closes the connection). 401
// carries WWW-Authenticate, 429 and 503 carry Retry-After.
Response problem(const Error& error, std::string_view request_id);
int http_status(const Error& error);

// Errors that only HTTP knows.
Error unknown_path();
Error method_not_allowed(std::string_view allow);
Error unsupported_media_type(std::string_view wanted);
Error length_required();

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::Problem> {
  static constexpr std::array fields{
      Field{.name = "code", .help = "Stable: programs decide by it"},
      Field{.name = "errors", .help = "Each field that is wrong: where (RFC 6901) and what to do about it"}};
};
