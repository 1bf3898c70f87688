// Downloads from a server in this process that answers what a test wrote down.
#include "medsynth/hub/download.h"

#include <stdlib.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "medsynth/base/id.h"

namespace medsynth::hub {
namespace {

namespace fs = std::filesystem;
using boost::asio::ip::tcp;
using namespace std::chrono_literals;

// One connection at a time; what `answer` gives is sent as it is, and the connection closed.
class Peer {
 public:
  explicit Peer(std::function<std::string(const std::string& head)> answer) : answer_(std::move(answer)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    stopped_ = true;
    boost::system::error_code ignored;
    tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint(), ignored);
    wake.close(ignored);
    thread_.join();
  }
  std::string url(std::string_view target) const {
    return fmt::format("http://127.0.0.1:{}{}", acceptor_.local_endpoint().port(), target);
  }
  // The heads of all requests so far.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void serve() {
    while (!stopped_) {
      boost::system::error_code error;
      tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      boost::asio::streambuf buffer;
      boost::asio::read_until(socket, buffer, "\r\n\r\n", error);
      if (error) continue;
      std::stringstream head;
      head << &buffer;
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(head.str());
      }
      boost::asio::write(socket, boost::asio::buffer(answer_(head.str())), error);
    }
  }

  boost::asio::io_context io_;
  tcp::acceptor acceptor_{io_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  const std::function<std::string(const std::string&)> answer_;
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

std::string field(const std::string& head, std::string_view name) {
  const std::size_t at = head.find(fmt::format("\r\n{}: ", name));
  if (at == head.npos) return "";
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string response(std::string_view status, std::string_view fields, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\nConnection: close\r\n{}\r\n{}", status, fields, body);
}

// As a server of files does: ranges, where If-Range names its entity tag.
std::string file_response(const std::string& head, const std::string& content, const std::string& etag,
                          std::size_t breaks_after = std::string::npos) {
  std::size_t from = 0;
  const std::string range = field(head, "Range"), condition = field(head, "If-Range");
  if (range.starts_with("bytes=") && (condition.empty() || condition == etag))
    from = std::stoul(range.substr(6));
  const std::string rest = content.substr(from);
  const std::string about = fmt::format(
      "ETag: {}\r\nContent-Length: {}\r\n{}", etag, rest.size(),
      from > 0 ? fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, content.size() - 1, content.size())
               : "");
  return response(from > 0 ? "206 Partial Content" : "200 OK", about, rest.substr(0, breaks_after));
}

class Downloads : public testing::Test {
 protected:
  Downloads() {
    std::string name = (fs::temp_directory_path() / "downloads-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    for (int i = 0; i < 40'000; ++i) content_ += static_cast<char>('a' + i * i % 26);
    digest_ = sha256_hex(content_);
  }
  ~Downloads() override { fs::remove_all(folder_); }

  Source source(const Peer& peer, std::string_view target = "/file") const {
    return {.address = *parse_address(peer.url(target))};
  }
  Result<std::string> fetch(const Source& from) { return download(from, file(), options_); }
  fs::path file() const { return folder_ / "model.gguf"; }
  std::string read(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Nothing is left but the file and the digest beside it.
  std::size_t left() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
  std::string content_, digest_;
  Fetch options_{
      .environment = [](const std::string&) { return std::nullopt; }, .silence = 20s, .pause = 1ms};
};

TEST_F(Downloads, AFileIsFetchedAndItsDigestTold) {
  const Peer peer([&](const std::string& head) { return file_response(head, content_, "\"v1\""); });
  std::uint64_t last = 0;
  options_.progress = [&](std::uint64_t have, std::uint64_t all) {
    EXPECT_EQ(all, content_.size());
    last = have;
  };
  const auto digest = fetch(source(peer));
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, digest_);
  EXPECT_EQ(read(file()), content_);
  EXPECT_EQ(last, content_.size());
  EXPECT_EQ(left(), 2U);
}

// It breaks off twice in one call, and each attempt goes on where the last one stopped.
TEST_F(Downloads, GoOnWhereTheyBrokeOff) {
  const Peer peer([&](const std::string& head) { return file_response(head, content_, "\"v1\"", 15'000); });
  const auto digest = fetch(source(peer));
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(read(file()), content_);
  const auto asked = peer.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(field(asked[0], "Range"), "");
  EXPECT_EQ(field(asked[1], "Range"), "bytes=15000-");
  EXPECT_EQ(field(asked[1], "If-Range"), "\"v1\"");
  EXPECT_EQ(field(asked[2], "Range"), "bytes=30000-");
}

// The server goes away in the middle; the next call, of another process perhaps, goes on.
TEST_F(Downloads, GoOnInTheNextCall) {
  std::atomic<int> calls = 0;
  std::atomic<bool> away = false;
  const Peer peer([&](const std::string& head) {
    ++calls;
    if (away || calls == 2) return std::string();
    return file_response(head, content_, "\"v1\"", calls == 1 ? 15'000 : std::string::npos);
  });
  const auto broken = fetch(source(peer));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::unavailable);
  EXPECT_NE(broken.error().message.find("goes on from there"), std::string::npos) << broken.error().message;
  EXPECT_FALSE(fs::exists(file())) << "half a file is none";
  const auto digest = fetch(source(peer));
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, digest_);
  EXPECT_EQ(field(peer.asked().back(), "Range"), "bytes=15000-");
  EXPECT_EQ(left(), 2U);
}

// The first part is of a file that has been replaced meanwhile: the server sends the new one from its start.
TEST_F(Downloads, OfAChangedFileBeginAnew) {
  std::atomic<int> calls = 0;
  const std::string other(30'000, 'x');
  const Peer peer([&](const std::string& head) {
    return ++calls == 1 ? file_response(head, content_, "\"v1\"", 15'000)
                        : file_response(head, other, "\"v2\"");
  });
  auto digest = fetch(source(peer));
  if (!digest) digest = fetch(source(peer));  // it may say so first
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(read(file()), other);
}

// Another sha256 than what the first part belongs to: nothing of it is used, ranges or not.
TEST_F(Downloads, OfAnotherDigestBeginAnew) {
  std::atomic<int> calls = 0;
  const std::string other(40'000, 'x');
  const Peer peer([&](const std::string& head) {
    const bool leads = head.starts_with("GET /file ");
    const bool first = calls < 2;
    ++calls;
    if (leads)
      return response("302 Found",
                      fmt::format("Location: /cdn\r\nX-Linked-Etag: \"{}\"\r\nContent-Length: 3\r\n",
                                  first ? digest_ : sha256_hex(other)),
                      "no.");
    return file_response(head, first ? content_ : other, "\"same\"", first ? 15'000 : std::string::npos);
  });
  const auto digest = fetch(source(peer));
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, sha256_hex(other));
  EXPECT_EQ(read(file()), other);
}

TEST_F(Downloads, OfAWrongDigestAreRefusedAndRemoved) {
  const Peer peer([&](const std::string& head) { return file_response(head, content_, "\"v1\""); });
  Source from = source(peer);
  from.sha256 = std::string(64, '0');
  const auto digest = fetch(from);
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().reason, "wrong_digest");
  EXPECT_EQ(left(), 0U);
}

// The hub says the digest before the first byte comes: nothing is fetched of another file than the wanted one.
TEST_F(Downloads, OfAnotherFileThanTheWantedOneDoNotBegin) {
  const Peer peer([&](const std::string&) {
    return response("302 Found", fmt::format("Location: /cdn\r\nX-Linked-Etag: \"{}\"\r\n", digest_), "");
  });
  Source from = source(peer);
  from.sha256 = std::string(64, '0');
  EXPECT_EQ(fetch(from).error().reason, "wrong_digest");
  EXPECT_EQ(peer.asked().size(), 1U);
}

TEST_F(Downloads, LargerThanTheDiskDoNotBegin) {
  const Peer peer(
      [&](const std::string&) { return response("200 OK", "Content-Length: 1000000000000000000\r\n", "x"); });
  const auto full = fetch(source(peer));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::exhausted);
  EXPECT_EQ(full.error().reason, "no_room");
  EXPECT_FALSE(fs::exists(file()));
}

// The token is for the hub, and not for whom it leads to.
TEST_F(Downloads, ShowTheTokenToItsOriginOnly) {
  const Peer cdn([&](const std::string& head) { return file_response(head, content_, "\"v1\""); });
  const Peer hub([&](const std::string& head) {
    if (head.starts_with("GET /file ")) return response("307 Moved", "Location: /here\r\n", "");
    return response("302 Found", fmt::format("Location: {}\r\n", cdn.url("/x?signature=s")), "");
  });
  Source from = source(hub);
  from.token = "hf_secret";
  ASSERT_TRUE(fetch(from));
  for (const std::string& head : hub.asked()) EXPECT_EQ(field(head, "Authorization"), "Bearer hf_secret");
  ASSERT_EQ(hub.asked().size(), 2U);
  EXPECT_EQ(field(cdn.asked().at(0), "Authorization"), "");
}

TEST_F(Downloads, ThatLeadOnAndOnEnd) {
  const Peer peer([&](const std::string&) { return response("302 Found", "Location: /file\r\n", ""); });
  EXPECT_EQ(fetch(source(peer)).error().reason, "unexpected_answer");
  EXPECT_LT(peer.asked().size(), 20U);
}

// An HTTP proxy is asked for the whole address, and shown its own password only.
TEST_F(Downloads, GoThroughTheProxy) {
  const Peer proxy([&](const std::string& head) { return file_response(head, content_, "\"v1\""); });
  const std::string address = proxy.url("");
  options_.environment = [address](const std::string& name) {
    return name == "http_proxy" ? std::optional("http://me:pw@" + address.substr(7)) : std::nullopt;
  };
  const auto digest = fetch({.address = *parse_address("http://hub.invalid/file")});
  ASSERT_TRUE(digest) << digest.error().message;
  const std::string head = proxy.asked().at(0);
  EXPECT_TRUE(head.starts_with("GET http://hub.invalid/file ")) << head;
  EXPECT_EQ(field(head, "Proxy-Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(field(head, "Host"), "hub.invalid");
}

TEST_F(Downloads, SayWhatTheServerSaid) {
  for (const auto& [status, reason] : {std::pair("404 Not Found", "no_such_file"),
                                       {"403 Forbidden", "not_allowed"},
                                       {"429 Too Many", "too_many_requests"},
                                       {"500 Oh", "unexpected_answer"}}) {
    const Peer peer([&](const std::string&) { return response(status, "Content-Length: 0\r\n", ""); });
    EXPECT_EQ(fetch(source(peer)).error().reason, reason);
  }
  std::string nobody;
  {
    const Peer peer([](const std::string&) { return std::string(); });
    nobody = peer.url("/file");
  }
  EXPECT_EQ(fetch({.address = *parse_address(nobody)}).error().reason, "no_answer");
}

TEST_F(Downloads, EndWhenTheyAreCancelled) {
  std::stop_source stop;
  const Peer peer([&](const std::string&) {
    stop.request_stop();
    return response("200 OK", "Content-Length: 1000\r\n", "x");
  });
  options_.stop = stop.get_token();
  EXPECT_EQ(fetch(source(peer)).error().code, Code::cancelled);
}

}  // namespace
}  // namespace medsynth::hub
