// The HTTP of it: framing, limits, timeouts, many connections.
#include "integration/api/api_fixture.h"

namespace medsynth::api {
namespace {

class Connection : public ApiTest {};

std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n";
}

TEST_F(Connection, ServesOneRequestAfterTheOther) {
  Wire wire(port_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(wire.send(get("/livez")));
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"status":"ok"})");
    EXPECT_FALSE(answer.headers.contains("connection"));
  }
}

// Three requests in one packet, with a body among them: three answers in their order.
TEST_F(Connection, AnswersPipelinedRequestsInOrder) {
  Wire wire(port_);
  const std::string post =
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: "
      "two\r\nContent-Type: application/json\r\n"
      "Content-Length: 15\r\n\r\n{\"texts\":[\"a\"]}";
  ASSERT_TRUE(wire.send(get("/v1/tasks/none", "X-Request-Id: one\r\n") + post +
                        get("/livez", "X-Request-Id: three\r\n")));
  const Answer first = wire.read(), second = wire.read(), third = wire.read();
  EXPECT_EQ(first.status, 404);
  EXPECT_EQ(first.headers.at("x-request-id"), "one");
  EXPECT_EQ(second.status, 202) << second.body;
  EXPECT_EQ(second.headers.at("x-request-id"), "two");
  EXPECT_EQ(third.status, 200);
  EXPECT_EQ(third.headers.at("x-request-id"), "three");
}

// A request that comes byte by byte is the same request.
TEST_F(Connection, TakesRequestsInPieces) {
  Wire wire(port_);
  for (const char c : get("/livez")) ASSERT_TRUE(wire.send(std::string_view(&c, 1)));
  EXPECT_EQ(wire.read().status, 200);
}

// The body that HEAD would have had is announced, not sent.
TEST_F(Connection, HeadIsGetWithoutTheBody) {
  Wire wire(port_);
  ASSERT_TRUE(wire.send("HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/livez")));
  const Answer head = wire.read(true), got = wire.read();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(got.body.size()));
  EXPECT_EQ(got.body, R"({"status":"ok"})");
}

TEST_F(Connection, ClosesWhenAskedTo) {
  Wire wire(port_);
  ASSERT_TRUE(wire.send(get("/livez", "Connection: close\r\n")));
  EXPECT_EQ(wire.read().headers.at("connection"), "close");
  EXPECT_TRUE(wire.closed_by_server());
  Wire old(port_);
  ASSERT_TRUE(old.send("GET /livez HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old.read().status, 200);
  EXPECT_TRUE(old.closed_by_server());
}

TEST_F(Connection, UnknownPathsAndMethods) {
  const Answer unknown = call("GET", "/v2/tasks");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code(), "unknown_path");
  EXPECT_EQ(unknown.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(unknown.json().at("request_id").as_string(), unknown.headers.at("x-request-id"));
  const Answer method = call("PATCH", "/v1/tasks/");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.at("allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(method.code(), "method_not_allowed");
  const Answer options = call("OPTIONS", "/v1/resources/limits");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
}

TEST_F(Connection, RefusesWhatIsNotHttp) {
  for (const char* text : {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
                           "GET /livez HTTP/1.1\r\n\r\n", "GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
                           "POST /v1/tasks/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n"}) {
    Wire wire(port_);
    wire.send(text);
    const Answer answer = wire.read();
    EXPECT_EQ(answer.status, 400) << text;
    EXPECT_EQ(answer.code(), "malformed_request") << text;
    EXPECT_TRUE(wire.closed_by_server()) << text;
  }
}

// A page whose own name was made to point to 127.0.0.1 sends that name.
TEST_F(Connection, RefusesForeignHostNames) {
  Wire wire(port_);
  wire.send("GET /v1/tasks/ HTTP/1.1\r\nHost: evil.example:8000\r\n\r\n");
  const Answer answer = wire.read();
  EXPECT_EQ(answer.status, 421);
  EXPECT_EQ(answer.code(), "misdirected_request");
}

TEST_F(Connection, SaneRequestIdsAreKeptAndOthersReplaced) {
  EXPECT_EQ(call("GET", "/livez", "", "X-Request-Id: abc-1.2_3\r\n").headers.at("x-request-id"), "abc-1.2_3");
  const std::string replaced =
      call("GET", "/livez", "", "X-Request-Id: a b<script>\r\n").headers.at("x-request-id");
  EXPECT_EQ(replaced.find('<'), std::string::npos);
  EXPECT_FALSE(replaced.empty());
}

// A body that was announced as too large is refused at once; the client that sends it nevertheless sees the
// answer.
TEST_F(Connection, RefusesAnAnnouncedBodyThatIsTooLarge) {
  start({.body_limit = 1000});
  Wire wire(port_);
  wire.send(
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 4000000\r\n\r\n");
  wire.send(std::string(4'000'000, 'x'));
  const Answer answer = wire.read();
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.code(), "payload_too_large");
  EXPECT_EQ(answer.headers.at("connection"), "close");
}

TEST_F(Connection, RefusesAChunkedBodyThatGrowsTooLarge) {
  start({.body_limit = 1000});
  Wire wire(port_);
  wire.send(
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) wire.send("200\r\n" + std::string(512, ' ') + "\r\n");
  EXPECT_EQ(wire.read().status, 413);
}

TEST_F(Connection, TakesAChunkedBody) {
  Wire wire(port_);
  wire.send(
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      "8\r\n{\"texts\"\r\n7\r\n:[\"a\"]}\r\n0\r\n\r\n");
  EXPECT_EQ(wire.read().status, 202);
}

TEST_F(Connection, RefusesAHeaderThatIsTooLarge) {
  Wire wire(port_);
  wire.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Big: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(wire.read().status, 431);
}

// A coding whose end cannot be seen would let the rest pass as another request.
TEST_F(Connection, RefusesUnknownTransferCodings) {
  Wire wire(port_);
  wire.send(
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "gzip\r\n\r\nGET /livez HTTP/1.1\r\n\r\n");
  const Answer answer = wire.read();
  EXPECT_GE(answer.status, 400);
  EXPECT_TRUE(wire.closed_by_server());
}

// The client waits with its body until it is told to go on.
TEST_F(Connection, SaysContinue) {
  Wire wire(port_);
  wire.send(
      "POST /v1/async-ml/embeddings/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 15\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(wire.read(true).status, 100);
  wire.send(R"({"texts":["a"]})");
  EXPECT_EQ(wire.read().status, 202);
}

// A header that does not end, and a body that does not come: 408, and closed. Others are served meanwhile.
TEST_F(Connection, SlowClientsAreCutOffAndBlockNobody) {
  start({.header_timeout = 300ms, .body_timeout = 300ms});
  Wire slow_header(port_), slow_body(port_);
  slow_header.send("GET /livez HTTP/1.1\r\nHost: loc");
  slow_body.send(
      "PUT /v1/resources/limits HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
      "application/json\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(call("GET", "/livez").status, 200);
  for (Wire* wire : {&slow_header, &slow_body}) {
    const Answer answer = wire->read();
    EXPECT_EQ(answer.status, 408);
    EXPECT_EQ(answer.code(), "request_timeout");
    EXPECT_TRUE(wire->closed_by_server());
  }
}

TEST_F(Connection, IdleConnectionsAreClosed) {
  start({.idle_timeout = 300ms});
  Wire fresh(port_), used(port_);
  used.send(get("/livez"));
  EXPECT_EQ(used.read().status, 200);
  EXPECT_TRUE(fresh.closed_by_server());
  EXPECT_TRUE(used.closed_by_server());
}

TEST_F(Connection, BeyondTheBoundNewOnesAreRefused) {
  start({.max_connections = 2});
  auto first = std::make_unique<Wire>(port_);
  Wire second(port_);
  for (Wire* wire : {first.get(), &second}) {
    wire->send(get("/livez"));
    EXPECT_EQ(wire->read().status, 200);
  }
  Wire third(port_);
  third.send(get("/livez"));
  const Answer refused = third.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  first.reset();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (call("GET", "/livez").status != 200) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
}

// A large answer to a client that reads slowly arrives whole.
TEST_F(Connection, LargeAnswersArriveWhole) {
  const std::string big = "\"" + std::string(9'000'000, 'x') + "\"";
  redis::Client other({.url = *redis::parse_url(redis_.url())});
  ASSERT_TRUE(other.wait_connected(10s));
  ASSERT_TRUE(other.run(store_.complete_task("big", big, system_clock().now())));
  const Answer answer = call("GET", "/v1/tasks/big");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.json().at("result").as_string().size(), 9'000'000u);
}

// Stopping: idle connections are closed, nothing new is accepted.
TEST_F(Connection, StopsInOrder) {
  Wire idle(port_);
  idle.send(get("/livez"));
  EXPECT_EQ(idle.read().status, 200);
  server_->stop(5s);
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_FALSE(Wire(port_).connected());
}

// Whoever is connected when it stops is answered, though the request was still on its way.
TEST_F(Connection, AnswersThoseWhoAreConnectedWhenItStops) {
  Wire fresh(port_);
  std::thread stopping([this] { server_->stop(60s); });
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (Wire(port_).connected() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(fresh.send(get("/livez")));
  EXPECT_EQ(fresh.read().status, 200);
  stopping.join();
}

TEST_F(Connection, TwoServersCannotShareAnAddress) {
  const auto second = Server::open(*io_, {.listen = "127.0.0.1:" + std::to_string(port_)},
                                   {*client_, store_, broker_, fleet_, metrics_, sensors_});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "address_in_use");
}

}  // namespace
}  // namespace medsynth::api
