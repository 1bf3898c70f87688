#include "medsynth/api/problem.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

std::string header(const Response& response, std::string_view name) {
  for (const auto& [each, value] : response.headers)
    if (each == name) return value;
  return "";
}

// Each fault of the input arrives with its pointer; nothing else is in the document than what was described.
TEST(Problem, CarriesEveryFault) {
  Error error = invalid("/claim1", "is required");
  error.reason = "invalid_field";
  error.faults.push_back({"/articles/3/id", "must be a string"});
  const Response response = problem(error, "req-1");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = described::parse<Problem>(response.body);
  ASSERT_TRUE(body) << response.body;
  EXPECT_EQ(body->type, "/problems/invalid_field");
  EXPECT_EQ(body->code, "invalid_field");
  EXPECT_EQ(body->status, 422);
  EXPECT_EQ(body->request_id, "req-1");
  ASSERT_EQ(body->errors.size(), 2u);
  EXPECT_EQ(body->errors[1].pointer, "/articles/3/id");
  EXPECT_FALSE(response.close);
}

TEST(Problem, StatusFollowsFromTheCode) {
  const std::pair<Code, int> table[] = {{Code::invalid_argument, 422}, {Code::not_found, 404},
                                        {Code::conflict, 409},         {Code::not_allowed, 403},
                                        {Code::exhausted, 429},        {Code::timeout, 504},
                                        {Code::unavailable, 503},      {Code::internal, 500}};
  for (const auto& [code, status] : table) EXPECT_EQ(problem({code, "why", ""}, "").status, status);
}

TEST(Problem, HttpIsMorePreciseThanInvalidArgument) {
  const std::pair<const char*, int> table[] = {{"malformed_json", 400},      {"malformed_request", 400},
                                               {"method_not_allowed", 405},  {"length_required", 411},
                                               {"payload_too_large", 413},   {"unsupported_media_type", 415},
                                               {"misdirected_request", 421}, {"header_too_large", 431}};
  for (const auto& [reason, status] : table)
    EXPECT_EQ(http_status({Code::invalid_argument, "", reason}), status) << reason;
}

// Whether Redis is away or only hangs: to the caller it is the same, and worth a retry.
TEST(Problem, RedisAwayIsUnavailableWithRetryAfter) {
  EXPECT_EQ(header(problem({Code::unavailable, "", "redis_unavailable", {}, std::chrono::seconds(3)}, ""),
                   "Retry-After"),
            "3");
  const Response hangs = problem({Code::timeout, "", "redis_timeout"}, "");
  EXPECT_EQ(hangs.status, 503);
  EXPECT_EQ(header(hangs, "Retry-After"), "1");
  EXPECT_EQ(header(problem({Code::not_found, "", ""}, ""), "Retry-After"), "");
}

// After a body that was not read, the rest of the connection means nothing.
TEST(Problem, UnreadBodiesCloseTheConnection) {
  EXPECT_TRUE(problem({Code::invalid_argument, "", "payload_too_large"}, "").close);
  EXPECT_TRUE(problem({Code::timeout, "", "request_timeout"}, "").close);
  EXPECT_FALSE(problem({Code::invalid_argument, "", "malformed_json"}, "").close);
}

}  // namespace
}  // namespace medsynth::api
