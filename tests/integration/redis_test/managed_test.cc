// redis::Managed with the real redis-server: start, stop, the folder's lock, the death of each party.
#include "medsynth/redis/managed.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "medsynth/redis/client.h"

#include "support/eventually.h"
#include "support/redis_server.h"

namespace medsynth::redis {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using SteadyClock = std::chrono::steady_clock;

Url free_url(std::string password = "") {
  return {.host = "127.0.0.1", .port = std::to_string(test::free_port()), .password = std::move(password)};
}

// The URL as a program of the owner has it: it looks into the folder.
Url owners(Url url, const std::filesystem::path& data_dir) {
  url.managed_folder = (data_dir / "redis").native();
  return url;
}

std::string get(const Url& url, const std::string& key) {
  Client client({.url = url});
  if (const auto connected = client.wait_connected(5s); !connected) return connected.error().message;
  const auto replies = client.send({Command("GET", key)});
  return replies ? (*replies)[0].text : replies.error().message;
}

void set(const Url& url, const std::string& key, const std::string& value) {
  Client client({.url = url});
  ASSERT_TRUE(client.wait_connected(5s)) << client.last_error();
  ASSERT_TRUE(client.run(all_ok({Command("SET", key, value)})));
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
}

// A fresh folder: the server answers at the URL and at its private socket, with the configuration that we
// rely on.
TEST(Managed, ServesTheUrl) {
  test::TempFolder folder;
  const Url url = free_url();
  EXPECT_FALSE(Managed::answers(url));
  auto server = Managed::start({.url = url, .data_dir = folder.path() / "data", .fsync = "always"}, 10s);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE((*server)->alive());
  EXPECT_TRUE(Managed::answers(url));
  EXPECT_TRUE(Managed::answers({.unix_path = (*server)->socket().string()}));
  EXPECT_EQ(mode_of(folder.path() / "data/redis"), 0700u);
  EXPECT_EQ(mode_of((*server)->socket()), 0700u);
  Client client({.url = owners(url, folder.path() / "data")});
  ASSERT_TRUE(client.wait_connected(5s));
  const auto setting = [&](std::string name) {
    return (*client.send({Command("CONFIG", "GET", name)}))[0].list[1].text;
  };
  EXPECT_EQ(setting("appendonly"), "yes");
  EXPECT_EQ(setting("appendfsync"), "always");
  EXPECT_EQ(setting("maxmemory-policy"), "noeviction");
  EXPECT_EQ(setting("save"), "");
  EXPECT_EQ(setting("bind"), "127.0.0.1");
  for (char event : {'K', 'E', 'l', 'x'})
    EXPECT_NE(setting("notify-keyspace-events").find(event), std::string::npos);
  server->reset();
  EXPECT_FALSE(Managed::answers(url));
}

// "localhost" is both 127.0.0.1 and, where there is one, ::1.
TEST(Managed, ServesLocalhost) {
  test::TempFolder folder;
  Url url = free_url();
  url.host = "localhost";
  const auto server = Managed::start({.url = url, .data_dir = folder.path()}, 10s);
  ASSERT_TRUE(server) << server.error().message;
  url.host = "127.0.0.1";
  EXPECT_TRUE(Managed::answers(url));
}

// Stopped in order or killed, with fsync on each write: everything that was answered is there again.
TEST(Managed, KeepsDataOverRestarts) {
  test::TempFolder folder;
  const Url url = owners(free_url(), folder.path());
  for (const std::string round : {"one", "two", "three"}) {
    auto server = Managed::start({.url = url, .data_dir = folder.path(), .fsync = "always"}, 10s);
    ASSERT_TRUE(server) << server.error().message;
    if (round != "one") EXPECT_EQ(get(url, "key"), round == "two" ? "one" : "two");
    set(url, "key", round);
    if (round != "two") continue;
    ::kill((*server)->pid(), SIGKILL);
    EXPECT_TRUE(eventually([&] { return !(*server)->alive(); }));
  }
}

// A second server on the same folder is refused with the first one's process id, and starts when the first
// has gone.
TEST(Managed, SharesNoFolder) {
  test::TempFolder folder;
  auto first = Managed::start({.url = free_url(), .data_dir = folder.path()}, 10s);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = Managed::start({.url = free_url(), .data_dir = folder.path()}, 50ms);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::unavailable);
  EXPECT_EQ(second.error().reason, "redis_folder_in_use");
  EXPECT_NE(second.error().message.find(std::to_string((*first)->pid())), std::string::npos)
      << second.error().message;
  EXPECT_TRUE((*first)->alive());

  // The lock is the child's alone: when it dies, the folder is free, whatever its parent does.
  ::kill((*first)->pid(), SIGKILL);
  const auto third = Managed::start({.url = free_url(), .data_dir = folder.path()}, 10s);
  EXPECT_TRUE(third) << third.error().message;
}

// Where another program listens nothing is started, and the error says what to do.
TEST(Managed, TakesNobodysPort) {
  test::TempFolder folder;
  test::RedisServer other;
  const auto refused = Managed::start({.url = *parse_url(other.url()), .data_dir = folder.path()}, 10s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "redis_port_taken");
  EXPECT_NE(refused.error().message.find(std::to_string(other.port())), std::string::npos);
  EXPECT_NE(refused.error().message.find("--redis external"), std::string::npos);
  const auto afterwards = Managed::start({.url = free_url(), .data_dir = folder.path()}, 10s);
  EXPECT_TRUE(afterwards) << "the refusal must give the folder back";
}

TEST(Managed, RefusesWhatItCannotServe) {
  test::TempFolder folder;
  const auto code = [&](ManagedOptions options) {
    options.data_dir = folder.path();
    const auto server = Managed::start(options, 1s);
    return server ? "started" : std::string(wire_code(server.error()));
  };
  EXPECT_EQ(code({.url = *parse_url("redis://redis.example")}), "invalid_argument");
  EXPECT_EQ(code({.url = *parse_url("rediss://localhost")}), "invalid_argument");
  EXPECT_EQ(code({.url = *parse_url("redis://ada:x@localhost")}), "invalid_argument");
  EXPECT_EQ(code({.url = free_url(), .programs = {"no-such-redis", "nor-this"}}), "redis_not_installed");
  EXPECT_EQ(code({.url = free_url(), .programs = {"no-such-redis", "/bin/false"}}), "redis_not_started");
}

// A password with every awkward byte protects the server and is nowhere on its command line.
TEST(Managed, AsksForTheUrlsPassword) {
  test::TempFolder folder;
  const Url url = free_url("a \"b\" \\c#'\xC3\xA9");
  const auto server = Managed::start({.url = url, .data_dir = folder.path()}, 10s);
  ASSERT_TRUE(server) << server.error().message;
  set(url, "key", "kept");
  EXPECT_EQ(get(url, "key"), "kept");
  Url without = url;
  without.password.clear();
  EXPECT_NE(get(without, "key"), "kept");
  std::ifstream command("/proc/" + std::to_string((*server)->pid()) + "/cmdline");
  const std::string words{std::istreambuf_iterator<char>(command), {}};
  EXPECT_EQ(words.find("\xC3\xA9"), std::string::npos);
  EXPECT_EQ(mode_of(folder.path() / "redis/redis.conf"), 0600u);
}

// A data folder with a path too long for a socket's address, and a URL that is a socket itself.
TEST(Managed, FindsAPlaceForItsSocket) {
  test::TempFolder folder;
  const std::filesystem::path deep = folder.path() / std::string(100, 'd') / "e";
  std::filesystem::path socket;
  {
    const auto server = Managed::start({.url = free_url(), .data_dir = deep}, 10s);
    ASSERT_TRUE(server) << server.error().message;
    socket = (*server)->socket();
    EXPECT_TRUE(Managed::answers({.unix_path = socket.string()}));
    EXPECT_EQ(mode_of(socket.parent_path()), 0700u);
  }
  EXPECT_FALSE(std::filesystem::exists(socket.parent_path()));

  const Url own{.database = 20, .unix_path = (folder.path() / "own.sock").string()};
  const auto server = Managed::start({.url = own, .data_dir = folder.path()}, 10s);
  ASSERT_TRUE(server) << server.error().message;
  set(own, "key", "by socket");
  EXPECT_EQ(get(own, "key"), "by socket");
}

// It is not in our terminal's process group, and signals that we ignore or block are not lost on it.
TEST(Managed, HasSignalsOfItsOwn) {
  test::TempFolder folder;
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  auto server = Managed::start({.url = free_url(), .data_dir = folder.path()}, 10s);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(::getpgid((*server)->pid()), (*server)->pid());
  ::kill((*server)->pid(), SIGTERM);
  EXPECT_TRUE(eventually([&] { return !(*server)->alive(); }));
}

// Run by the next test in a process of its own: starts a server and waits to be killed.
TEST(Managed, DISABLED_ParentThatIsKilled) {
  const char* folder = std::getenv("MANAGED_TEST_FOLDER");
  const char* port = std::getenv("MANAGED_TEST_PORT");
  if (!folder || !port) GTEST_SKIP() << "only for DiesWithItsParent";
  const auto server = Managed::start(
      {.url = {.host = "127.0.0.1", .port = port}, .data_dir = folder, .fsync = "always"}, 10s);
  ASSERT_TRUE(server) << server.error().message;
  for (;;) ::pause();
}

// The parent is killed with SIGKILL: the server ends too, its folder becomes free and nothing that was
// answered is lost.
TEST(Managed, DiesWithItsParent) {
  test::TempFolder folder;
  const Url url = owners(free_url(), folder.path());
  ::setenv("MANAGED_TEST_FOLDER", folder.path().c_str(), 1);
  ::setenv("MANAGED_TEST_PORT", url.port.c_str(), 1);
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execl("/proc/self/exe", "redis_integration_test", "--gtest_also_run_disabled_tests",
            "--gtest_filter=Managed.DISABLED_ParentThatIsKilled", nullptr);
    ::_exit(127);
  }
  ::unsetenv("MANAGED_TEST_FOLDER");
  ::unsetenv("MANAGED_TEST_PORT");
  ASSERT_TRUE(eventually([&] { return Managed::answers(url); }));
  set(url, "key", "survives");
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  // Not by chance: a new owner waits for the dying server instead of taking it for somebody else's.
  const auto next = Managed::start({.url = url, .data_dir = folder.path()}, 15s);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(get(url, "key"), "survives");
}

}  // namespace
}  // namespace medsynth::redis
