#include "medsynth/api/origin.h"

#include <gtest/gtest.h>

namespace medsynth::api {
namespace {

bool passes(Method method, const BrowserHeaders& headers) {
  const auto refused = refuse_cross_site(method, headers);
  if (refused) {
    EXPECT_EQ(refused->code, Code::not_allowed);
    EXPECT_EQ(refused->reason, "cross_site_request");
  }
  return !refused;
}

BrowserHeaders from(std::string_view origin, std::string_view host = "localhost:8000") {
  return {.host = host, .origin = origin, .origins = 1, .fetch_site = ""};
}

TEST(Origin, ProgramsSendNoneAndPass) {
  EXPECT_TRUE(passes(Method::post, {.host = "localhost:8000", .origin = "", .origins = 0, .fetch_site = ""}));
}

TEST(Origin, OnlyTheServersOwnMayChangeSomething) {
  EXPECT_TRUE(passes(Method::post, from("http://localhost:8000")));
  EXPECT_TRUE(passes(Method::delete_, from("http://LocalHost:8000")));
  EXPECT_TRUE(passes(Method::put, from("https://ml.example", "ml.example")));
  for (const char* origin : {"", "null", "http://localhost", "http://localhost:8001", "http://127.0.0.1:8000",
                             "http://evil.example", "http://localhost:8000.evil.example", "localhost:8000",
                             "file://localhost:8000", "http://localhost:8000/"})
    for (const Method method : {Method::post, Method::put, Method::delete_, Method::other})
      EXPECT_FALSE(passes(method, from(origin))) << origin;
  EXPECT_FALSE(passes(Method::post, from("http://", "")));
  EXPECT_FALSE(passes(Method::post, {.host = "a", .origin = "http://a", .origins = 2, .fetch_site = ""}));
}

// Where the connection or a trusted proxy says which one the browser spoke.
TEST(Origin, TheSchemeCountsWhereItIsKnown) {
  const auto asked_by = [](std::string_view scheme, std::string_view origin) {
    return passes(Method::post,
                  {.host = "ml.example", .scheme = scheme, .origin = origin, .origins = 1, .fetch_site = ""});
  };
  EXPECT_TRUE(asked_by("https", "https://ml.example"));
  EXPECT_TRUE(asked_by("http", "http://ml.example"));
  EXPECT_FALSE(asked_by("https", "http://ml.example"));
  EXPECT_FALSE(asked_by("http", "https://ml.example"));
}

TEST(Origin, TheBrowsersOwnWordCounts) {
  const auto site = [](std::string_view word) {
    return passes(Method::post, {.host = "a", .origin = "http://a", .origins = 1, .fetch_site = word});
  };
  EXPECT_TRUE(site("same-origin"));
  EXPECT_TRUE(site("none"));
  for (const char* word : {"cross-site", "same-site", "what comes later"}) EXPECT_FALSE(site(word)) << word;
}

// Reading changes nothing, and the browser keeps the answer from the other page.
TEST(Origin, ReadingIsNotRefused) {
  for (const Method method : {Method::get, Method::head, Method::options})
    EXPECT_TRUE(passes(method, from("http://evil.example")));
}

}  // namespace
}  // namespace medsynth::api
