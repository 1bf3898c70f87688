#include "medsynth/cli/http_client.h"

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(HttpClient, TakesOnlyHttpUrls) {
  EXPECT_TRUE(HttpClient::open("http://127.0.0.1:8000"));
  EXPECT_EQ(HttpClient::open("http://[::1]:8000/")->url(), "http://[::1]:8000");
  for (const char* url : {"", "127.0.0.1:8000", "https://host", "http://", "http://:80"})
    EXPECT_FALSE(HttpClient::open(url)) << url;
}

// Nobody listens: what, why and what next.
TEST(HttpClient, SaysWhatToDoWhenNobodyListens) {
  const auto answer = HttpClient::open("http://127.0.0.1:1")->call("GET", "/livez");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_NE(answer.error().message.find("medsynth serve"), std::string::npos);
}

TEST(HttpClient, AProblemDocumentBecomesTheErrorItDescribes) {
  const Error error =
      as_error({422, R"({"title":"x","detail":"/limit: must be at least 1","code":"invalid_field",
                                       "errors":[{"pointer":"/limit","detail":"must be at least 1"}]})"});
  EXPECT_EQ(error.code, Code::invalid_argument);
  EXPECT_EQ(error.reason, "invalid_field");
  ASSERT_EQ(error.faults.size(), 1u);
  EXPECT_EQ(error.faults[0].pointer, "/limit");
  EXPECT_EQ(as_error({404, "not json"}).code, Code::not_found);
  EXPECT_EQ(as_error({502, ""}).code, Code::unavailable);
}

TEST(PercentEncode, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("a/b c%é-_.~"), "a%2Fb%20c%25%C3%A9-_.~");
}

}  // namespace
}  // namespace medsynth::cli
