// A server in this process over a throw-away Redis, and a client that speaks raw HTTP over a socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "medsynth/api/server.h"

#include "support/redis_server.h"

namespace medsynth::api {

using namespace std::chrono_literals;

struct Answer {
  int status = 0;                              // 0: the connection was closed before an answer
  std::map<std::string, std::string> headers;  // names in lowercase
  std::string body;

  json::object json() const {
    const auto parsed = json::parse(body);
    return parsed && parsed->is_object() ? parsed->get_object() : json::object{};
  }
  std::string code() const {
    const auto problem = json();
    return problem.contains("code") ? std::string(problem.at("code").as_string()) : "";
  }
  std::string pointer() const {
    const auto problem = json();
    if (!problem.contains("errors") || problem.at("errors").as_array().empty()) return "none";
    return std::string(problem.at("errors").as_array()[0].at("pointer").as_string());
  }
};

// One connection. Reading gives up after 10 s.
class Wire {
 public:
  explicit Wire(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval wait{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Wire() { ::close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  bool connected() const { return connected_; }

  // False when the other side no longer takes it.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  Answer read(bool head_only = false) {
    Answer answer;
    while (text_.find("\r\n\r\n") == std::string::npos)
      if (!receive()) return answer;
    const std::size_t end = text_.find("\r\n\r\n") + 4;
    std::string head = text_.substr(0, end);
    text_.erase(0, end);
    answer.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = head.find("\r\n") + 2; at + 2 < head.size();) {
      const std::size_t line_end = head.find("\r\n", at), colon = head.find(": ", at);
      std::string name = head.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      answer.headers[name] = head.substr(colon + 2, line_end - colon - 2);
      at = line_end + 2;
    }
    const std::size_t length = answer.headers.contains("content-length") && !head_only
                                   ? std::stoul(answer.headers["content-length"])
                                   : 0;
    while (text_.size() < length)
      if (!receive()) return answer;
    answer.body = text_.substr(0, length);
    text_.erase(0, length);
    return answer;
  }

  bool closed_by_server() {
    while (receive()) {
    }
    return ended_;
  }

 private:
  bool receive() {
    char buffer[65536];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    ended_ = got == 0 || (got < 0 && errno == ECONNRESET);
    if (got <= 0) return false;
    text_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string text_;
};

class FakeSensors final : public limits::Sensors {
 public:
  limits::Sample sample() override { return {.cpu_percent = 12, .memory_percent = 34}; }
  limits::SystemInfo system() override {
    return {.cpu = {.count = 1, .count_logical = 2, .percent = 12}, .memory = {}, .disk = {}, .gpu = {}};
  }
};

class ApiTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override { end(); }

  void start(ServerOptions options, bool expect_workers = false) {
    end();
    options.listen = "127.0.0.1:0";
    options.access_log = false;
    options.expect_workers = expect_workers;
    options.host = "here";
    io_ = std::make_unique<boost::asio::io_context>(1);
    client_ = std::make_unique<redis::Client>(
        redis::ClientOptions{.url = *redis::parse_url(redis_.url()), .timeout = 1s}, io_.get());
    auto server =
        Server::open(*io_, std::move(options), {*client_, store_, broker_, fleet_, metrics_, sensors_});
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    const std::string address = server_->address();
    port_ = std::stoi(address.substr(address.rfind(':') + 1));
    thread_ = std::thread([this] {
      const auto work = boost::asio::make_work_guard(*io_);
      io_->run();
    });
    ASSERT_TRUE(client_->wait_connected(10s));
  }

  void end() {
    if (!thread_.joinable()) return;
    if (server_) server_->stop(0ms);
    io_->stop();
    thread_.join();
    server_.reset();
    client_.reset();
    io_.reset();
  }

  Answer call(std::string_view method, std::string_view target, std::string_view body = "",
              std::string_view headers = "") {
    Wire wire(port_);
    std::string text = std::string(method) + " " + std::string(target) +
                       " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + std::string(headers);
    if (!body.empty() && headers.find("Content-Type") == std::string_view::npos)
      text += "Content-Type: application/json\r\n";
    if (!body.empty() || method == "POST" || method == "PUT")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    wire.send(text + "\r\n" + std::string(body));
    return wire.read(method == "HEAD");
  }

  test::RedisServer redis_;
  tasks::Store store_{{.prefix = "task:"}};
  dramatiq::Broker broker_{{.worker_id = "api", .host = "here"}};
  fleet::Fleet fleet_{fleet::FleetOptions{}};
  telemetry::Metrics metrics_;
  FakeSensors sensors_;
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  int port_ = 0;
};

}  // namespace medsynth::api
