#include "medsynth/cli/local_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "medsynth/base/child.h"
#include "medsynth/base/clock.h"
#include "medsynth/base/descriptor.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/http_client.h"
#include "medsynth/cli/own_command.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto kStart = 60s;  // a managed Redis reads its log first

Error not_started(std::string_view why) {
  return {Code::unavailable,
          fmt::format("a server for this command could not be started ({}): 'medsynth serve' and 'medsynth "
                      "doctor' say more",
                      why),
          "no_server"};
}

// A port of loopback that nobody has just now: Redis takes no "any".
int free_port() {
  const Descriptor probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(*probe, any, size) == 0 && getsockname(*probe, any, &size) == 0;
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

Result<std::unique_ptr<LocalServer>> LocalServer::start(const LoadedSettings& loaded, Data data) {
  std::unique_ptr<LocalServer> server(new LocalServer);
  auto flags = loaded.flags;
  flags["listen"] = "127.0.0.1:0";
  flags["log_level"] = "error";
  // It is for this command alone, which speaks to it on loopback.
  flags["tls_certificate"] = flags["tls_key"] = "";
  flags["tls_self_signed"] = "false";
  flags["tls_client_ca"] = flags["jwt_issuer"] = flags["allowed_hosts"] = flags["path_prefix"] =
      flags["trusted_proxies"] = "";
  if (data == Data::nowhere) {
    std::string folder = (fs::temp_directory_path() / "medsynth-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return not_started(std::generic_category().message(errno));
    server->folder_ = folder;
    flags["models_dir"] = models_dir(loaded.settings).string();
    flags["data_dir"] = folder;
    flags["redis"] = "managed";
    flags["workers"] = "1";
    flags["redis_url"] = fmt::format("redis://127.0.0.1:{}/0", free_port());
  }
  BOOST_OUTCOME_TRY(const auto command, own_command("serve", flags));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return not_started(std::generic_category().message(errno));
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  server->pid_ = spawn(command, {.death_signal = SIGTERM, .out = *to});
  to.reset();
  BOOST_OUTCOME_TRY(server->listens(*from));
  BOOST_OUTCOME_TRY(server->ready());
  return server;
}

Result<std::unique_ptr<LocalServer>> LocalServer::where_none_runs(const Session& session) {
  BOOST_OUTCOME_TRY(const auto client, session.client());
  const auto lives = client.request("GET", "/livez");
  if (lives || lives.error().reason != "no_server" || !client.is_loopback())
    return std::unique_ptr<LocalServer>();
  fmt::print(stderr,
             "no server runs: one is started for this command ('medsynth serve' is one that stays)\n");
  return start(session.loaded, Data::kept);
}

// Its first line: "listening on http://127.0.0.1:1234".
Result<> LocalServer::listens(int out) {
  constexpr std::string_view kBefore = "listening on ";
  const SteadyTime deadline = system_clock().steady() + kStart;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - system_clock().steady());
    pollfd readable{out, POLLIN, 0};
    if (left <= 0ms || poll(&readable, 1, static_cast<int>(left.count())) == 0)
      return not_started("it did not listen in time");
    std::array<char, 256> buffer{};
    const ssize_t got = read(out, buffer.data(), buffer.size());
    if (got <= 0) return not_started("it ended");
    line.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (!line.starts_with(kBefore)) return not_started("it said something else");
  url_ = line.substr(kBefore.size(), line.find('\n') - kBefore.size());
  return success();
}

Result<> LocalServer::ready() const {
  BOOST_OUTCOME_TRY(const auto client, HttpClient::open(url_));
  const SteadyTime deadline = system_clock().steady() + kStart;
  while (system_clock().steady() < deadline) {
    const auto answer = client.request("GET", "/readyz");
    if (answer && answer->status == 200) return success();
    std::this_thread::sleep_for(20ms);
  }
  return not_started("no worker became ready");
}

LocalServer::~LocalServer() {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

}  // namespace medsynth::cli
