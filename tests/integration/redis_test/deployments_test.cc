// The ways in which people run Redis: password, ACL user, database number, TLS with a CA of their own,
// sentinels.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "medsynth/redis/client.h"

#include "support/eventually.h"
#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;
using test::eventually;

std::unique_ptr<Client> client_for(const std::string& url) {
  const auto parsed = parse_url(url);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  return std::make_unique<Client>(ClientOptions{
      .url = *parsed, .timeout = 2s, .connect_timeout = 2s, .reconnect_wait = 50ms, .quiet = true});
}

Reply ask(Client& client, Command command) {
  auto replies = client.send(std::vector{std::move(command)});
  EXPECT_TRUE(replies) << (replies ? "" : replies.error().message);
  return replies ? std::move(replies->at(0)) : Reply{};
}

// A child that ends with the object and with the thread that started it; its output goes to a file.
class Process {
 public:
  Process(std::vector<std::string> words, const std::filesystem::path& log) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    const int in = ::open("/dev/zero", O_RDONLY);  // s_server ends with its input
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::dup2(in, STDIN_FILENO);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

 private:
  pid_t pid_ = 0;
};

TEST(Deployment, PasswordUserAndDatabase) {
  test::RedisServer server(
      {"--requirepass", "pa ss", "--user", "ada", "on", ">s:e/c@r", "~*", "&*", "+@all"});
  const std::string where = fmt::format("127.0.0.1:{}", server.port());
  const auto by_password = client_for("redis://:pa%20ss@" + where + "/0");
  ASSERT_TRUE(by_password->wait_connected(10s));
  const auto by_user = client_for("redis://ada:s%3Ae%2Fc%40r@" + where + "/3");
  ASSERT_TRUE(by_user->wait_connected(10s));
  EXPECT_EQ(ask(*by_user, Command("ACL", "WHOAMI")).text, "ada");
  ask(*by_user, Command("SET", "key", "in three"));
  EXPECT_TRUE(ask(*by_password, Command("GET", "key")).is_null());
}

// The server's own words, so that people know what to change; never the password.
TEST(Deployment, AWrongPasswordSaysSo) {
  test::RedisServer server({"--requirepass", "right"});
  const auto client = client_for(fmt::format("redis://:wrong-secret@127.0.0.1:{}", server.port()));
  const auto connected = client->wait_connected(1s);
  ASSERT_FALSE(connected);
  EXPECT_NE(connected.error().message.find("WRONGPASS"), std::string::npos) << connected.error().message;
  EXPECT_EQ(connected.error().message.find("wrong-secret"), std::string::npos);
}

// Certificates made now: an authority, and a server "redis.internal" that it vouches for.
class Tls : public testing::Test {
 protected:
  void SetUp() override {
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem");
    certify("good", "redis.internal");
    certify("other", "somebody.else");
  }
  void certify(const std::string& name, const std::string& host) {
    std::ofstream(file(name + ".ext")) << "subjectAltName=DNS:" << host << "\n";
    openssl(
        fmt::format("req -newkey rsa:2048 -nodes -subj /CN={1} -keyout {0}.key -out {0}.csr", name, host));
    openssl(
        fmt::format("x509 -req -days 2 -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile {0}.ext "
                    "-out {0}.pem",
                    name));
  }
  void openssl(const std::string& words) {
    ASSERT_EQ(
        std::system(fmt::format("cd {} && openssl {} 2>/dev/null", folder_.path().string(), words).c_str()),
        0)
        << words;
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  std::vector<std::string> server_words() {
    return {
        "--tls-port",     std::to_string(port_), "--tls-cert-file", file("good.pem"),     "--tls-key-file",
        file("good.key"), "--tls-ca-cert-file",  file("ca.pem"),    "--tls-auth-clients", "no"};
  }
  std::string url(const std::string& options) const {
    return fmt::format("rediss://127.0.0.1:{}/1?{}", port_, options);
  }

  test::TempFolder folder_;
  int port_ = test::free_port();
};

TEST_F(Tls, TrustsTheCaThatTheUrlNames) {
  test::RedisServer server(server_words());
  const auto client = client_for(url("ssl_ca_certs=" + file("ca.pem") + "&sni=redis.internal"));
  const auto connected = client->wait_connected(10s);
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(ask(*client, Command("SET", "key", "value")).text, "OK");
}

// Neither a CA that nobody named, nor a certificate for another name, nor a file that is not there.
TEST_F(Tls, TrustsNobodyElse) {
  test::RedisServer server(server_words());
  const std::string ca = "ssl_ca_certs=" + file("ca.pem");
  for (const std::string& options : {std::string("sni=redis.internal"), ca, ca + "&sni=somebody.else",
                                     "ssl_ca_certs=" + file("none.pem") + "&sni=redis.internal"}) {
    const auto client = client_for(url(options));
    const auto connected = client->wait_connected(1s);
    ASSERT_FALSE(connected) << options;
    EXPECT_NE(connected.error().message.find("certificate verify failed"), std::string::npos)
        << connected.error().message;
  }
}

// A server of many names shows the right certificate only to who asks for it.
TEST_F(Tls, AsksForItsServerByName) {
  const Process server({"openssl", "s_server", "-accept", std::to_string(port_), "-cert", file("other.pem"),
                        "-key", file("other.key"), "-servername", "redis.internal", "-cert2",
                        file("good.pem"), "-key2", file("good.key"), "-quiet"},
                       file("log"));
  const auto client = client_for(url("ssl_ca_certs=" + file("ca.pem") + "&sni=redis.internal"));
  // It is no Redis: the handshake works, and what follows does not.
  EXPECT_TRUE(eventually([&] {
    const std::string error = client->last_error();
    return error != "not connected yet" && error.find("refused") == std::string::npos;
  }));
  EXPECT_EQ(client->last_error().find("certificate"), std::string::npos) << client->last_error();
}

class Sentinels : public testing::Test {
 protected:
  void SetUp() override { start_sentinel(""); }
  void start_sentinel(std::string_view further) {
    sentinel_.reset();
    std::ofstream(folder_.path() / "sentinel.conf") << fmt::format(
        "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n{}",
        port_, folder_.path().string(), primary_.port(), further);
    sentinel_ = std::make_unique<Process>(
        std::vector<std::string>{"redis-server", (folder_.path() / "sentinel.conf").string(), "--sentinel"},
        folder_.path() / "log");
  }

  test::TempFolder folder_;
  test::RedisServer primary_;
  test::RedisServer replica_{{"--replicaof", "127.0.0.1", std::to_string(primary_.port())}};
  int port_ = test::free_port();
  std::unique_ptr<Process> sentinel_;
};

// The first of the list is not there; the second knows the master, and after its death the next one.
TEST_F(Sentinels, SayWhereTheMasterIs) {
  const auto client =
      client_for(fmt::format("redis+sentinel://127.0.0.1:{},127.0.0.1:{}/main/2", test::free_port(), port_));
  const auto connected = client->wait_connected(20s);
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(ask(*client, Command("SET", "key", "value")).text, "OK");
  const auto replica =
      std::make_unique<Client>(ClientOptions{.url = *parse_url(replica_.url(2)), .accept_replica = true});
  ASSERT_TRUE(replica->wait_connected(10s));
  ASSERT_TRUE(eventually([&] { return ask(*replica, Command("GET", "key")).text == "value"; }));
  const auto sentinel = client_for(fmt::format("redis://127.0.0.1:{}", port_));
  ASSERT_TRUE(sentinel->wait_connected(10s));
  ASSERT_TRUE(
      eventually([&] { return ask(*sentinel, Command("SENTINEL", "REPLICAS", "main")).list.size() == 1; }));

  primary_.kill();
  EXPECT_TRUE(eventually(
      [&] {
        const auto written = client->send(std::vector{Command("SET", "key", "again")});
        return written && written->at(0).text == "OK";
      },
      60s));
  EXPECT_EQ(ask(*replica, Command("GET", "key")).text, "again");
}

// Sentinels have passwords of their own, which are not the master's.
TEST_F(Sentinels, MayWantAPassword) {
  start_sentinel("requirepass guarded\n");
  const std::string where = fmt::format("redis+sentinel://127.0.0.1:{}/main", port_);
  const auto refused = client_for(where);
  EXPECT_FALSE(refused->wait_connected(2s));
  const auto client = client_for(where + "?sentinel_password=guarded");
  const auto connected = client->wait_connected(20s);
  ASSERT_TRUE(connected) << connected.error().message;
  EXPECT_EQ(ask(*client, Command("SET", "key", "value")).text, "OK");
}

}  // namespace
}  // namespace medsynth::redis
