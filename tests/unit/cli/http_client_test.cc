#include "medsynth/cli/http_client.h"

#include <stop_token>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

TEST(HttpClient, TakesHttpAndHttpsUrls) {
  EXPECT_TRUE(HttpClient::open("http://127.0.0.1:8000"));
  EXPECT_EQ(HttpClient::open("HTTP://[::1]:8000/")->url(), "http://[::1]:8000");
  EXPECT_EQ(HttpClient::open("http://host/behind/a/proxy/")->url(), "http://host/behind/a/proxy");
  EXPECT_EQ(*HttpClient::canonical("HTTPS://host/proxy/"), "https://host/proxy");
  for (const char* url : {"", "127.0.0.1:8000", "ftp://host", "http://", "https://", "http://:80",
                          "http://host:", "http://host:x", "http://host:123456", "http://host?x",
                          "http://host#x", "http://ho st", "http://host/a\r\nb"})
    EXPECT_FALSE(HttpClient::open(url)) << url;
}

TEST(HttpClient, TakesUnixSockets) {
  EXPECT_EQ(HttpClient::open("unix:/run/api.sock")->url(), "unix:/run/api.sock");
  const std::string too_long = "unix:/" + std::string(107, 'x');
  for (const char* url :
       {"unix:", "unix:api.sock", "unix:/run/", "unix://:secret@/run/api.sock", too_long.c_str()}) {
    const auto client = HttpClient::open(url);
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().faults.at(0).pointer, "--url");
  }
}

TEST(HttpClient, KnowsThisMachine) {
  for (const char* url :
       {"http://127.0.0.1:8000", "https://localhost/x", "http://[::1]", "unix:/run/api.sock"})
    EXPECT_TRUE(HttpClient::open(url)->is_loopback()) << url;
  for (const char* url : {"http://host", "https://127.evil.example", "http://localhost.example:1"})
    EXPECT_FALSE(HttpClient::open(url)->is_loopback()) << url;
}

// Each by the option that names it, and a key not at all.
TEST(HttpClient, RefusesCredentialsThatCannotBeUsed) {
  const auto pointer_of = [](const Credentials& credentials) {
    const auto client = HttpClient::open("https://host", credentials);
    EXPECT_FALSE(client);
    if (!client) EXPECT_EQ(client.error().message.find("SECRET"), std::string::npos);
    return client ? "" : client.error().faults.at(0).pointer;
  };
  EXPECT_EQ(pointer_of({.token = "SECRET\r\nX: y"}), "MEDSYNTH_TOKEN");
  EXPECT_EQ(pointer_of({.ca_file = "/dev/null"}), "--ca-file");
  EXPECT_EQ(pointer_of({.client_certificate = "/nowhere"}), "--client-certificate");
}

TEST(HttpClient, QuotesNothingOfAWrongUrl) {
  for (const char* url : {"http://eve:SECRET@host", "http://eve:SECRET", "https://eve:SECRET@host",
                          "eve:SECRET", "http://eve:SEC/RET@host"}) {
    const auto client = HttpClient::open(url);
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().message.find("SEC"), std::string::npos) << client.error().message;
    EXPECT_EQ(client.error().faults.at(0).pointer, "--url");
  }
}

// Somebody listens and says nothing.
TEST(HttpClient, WaitsNoLongerThanAsked) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto client = HttpClient::open(fmt::format("http://127.0.0.1:{}", silent.local_endpoint().port()));
  const auto answer = client->request("GET", "/livez", "", std::chrono::milliseconds(50));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::timeout);
  EXPECT_NE(answer.error().message.find("0.05 s"), std::string::npos) << answer.error().message;
}

// Somebody listens and says nothing, and whoever asked wants no answer any more.
TEST(HttpClient, ACallEndsWhereThatIsAskedFor) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto client = HttpClient::open(fmt::format("http://127.0.0.1:{}", silent.local_endpoint().port()));
  for (const bool streams : {false, true}) {
    std::stop_source stop;
    std::jthread asker([&] {
      const HttpClient own = client->until(stop.get_token());
      const auto why = streams ? own.stream("/v1/events", [](std::string_view) {}).error()
                               : own.request("GET", "/livez", "", std::chrono::hours(1)).error();
      EXPECT_EQ(why.code, Code::cancelled);
    });
    const auto peer = silent.accept();  // it is on its way, and nobody answers
    stop.request_stop();
  }
}

// What has no end is told piece by piece, and nothing of a peer that is none of ours.
TEST(HttpClient, AnAnswerWithoutAnEndIsToldAsItComes) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto client = HttpClient::open(fmt::format("http://127.0.0.1:{}", acceptor.local_endpoint().port()));
  struct Case {
    std::string head, told;
    Code code;
  };
  for (const Case& each :
       {Case{"200 OK\r\nMedsynth-Version: 1\r\n", "event: a\n\nevent: b\n\n", Code::internal},
        Case{"200 OK\r\nServer: other\r\n", "", Code::unavailable},
        Case{"503 No\r\nMedsynth-Version: 1\r\n", "", Code::unavailable}}) {
    std::jthread server([&] {
      auto peer = acceptor.accept();
      boost::asio::streambuf request;
      boost::system::error_code gone;
      boost::asio::read_until(peer, request, "\r\n\r\n", gone);
      for (const std::string& piece :
           {"HTTP/1.1 " + each.head + "Transfer-Encoding: chunked\r\n\r\n",
            std::string("a\r\nevent: a\n\n\r\n"), std::string("a\r\nevent: b\n\n\r\n0\r\n\r\n")})
        boost::asio::write(peer, boost::asio::buffer(piece), gone);
    });
    std::string told;
    const auto ended = client->stream("/v1/events", [&](std::string_view piece) { told += piece; });
    EXPECT_EQ(told, each.told) << each.head;
    EXPECT_EQ(ended.has_value(), !each.told.empty()) << each.head;
    if (!ended) EXPECT_EQ(ended.error().code, each.code) << each.head;
  }
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
  EXPECT_EQ(as_error({401, R"({"code":"key_expired"})"}).code, Code::not_allowed);
  EXPECT_EQ(as_error({502, ""}).code, Code::unavailable);
}

// A name that could mean a folder, or everything below it, makes no path.
TEST(PathOf, TakesOnlyNames) {
  EXPECT_EQ(*path_of("/v1/tasks/", "TASK", "a/b*", "/cancel"), "/v1/tasks/a%2Fb%2A/cancel");
  for (const char* name : {"", " ", ".", "..", "a\nb"}) {
    const auto path = path_of("/v1/tasks/", "TASK", name);
    ASSERT_FALSE(path) << name;
    EXPECT_EQ(path.error().faults.at(0).pointer, "TASK");
  }
}

TEST(PercentEncode, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("a/b c%é-_.~"), "a%2Fb%20c%25%C3%A9-_.~");
}

}  // namespace
}  // namespace medsynth::cli
