#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "medsynth/api/listen.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/cli/http_client.h"

namespace medsynth::cli::doctor {
namespace {

// Takes the address for a moment, as serve would. "" when it could, else why not.
std::string cannot_bind(const api::ListenAddress& address) {
  if (!address.unix_path.empty()) {
    const auto folder = std::filesystem::path(address.unix_path).parent_path();
    return ::access(folder.c_str(), W_OK | X_OK) == 0
               ? ""
               : fmt::format("{}: {}", folder.string(), std::strerror(errno));
  }
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (const int error = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found))
    return ::gai_strerror(error);
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  std::string why;
  if (socket < 0 || ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(socket, found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket, 1) != 0)
    why = errno == EADDRINUSE ? "Another program has the port" : std::strerror(errno);
  if (socket >= 0) ::close(socket);
  ::freeaddrinfo(found);
  return why;
}

}  // namespace

ServerFacts look_at_server(const Settings& settings) {
  ServerFacts facts{.url = printable(settings.url)};
  facts.listen = printable(settings.listen);
  const auto address = api::parse_listen(settings.listen);
  facts.listen_error = address ? cannot_bind(*address) : printable(address.error().message);
  const auto client = HttpClient::open(settings.url, {.ca_file = settings.ca_file,
                                                      .client_certificate = settings.client_certificate,
                                                      .client_key = settings.client_key});
  if (!client) {
    facts.url_error = printable(client.error().message);
    return facts;
  }
  facts.url = printable(client->url());
  const auto answer = client->request("GET", "/readyz?verbose", "", std::chrono::seconds(3));
  if (!answer) {
    facts.no_answer = answer.error().message;
    return facts;
  }
  facts.answered = true;
  facts.status = answer->status;
  facts.body = answer->body;
  return facts;
}

}  // namespace medsynth::cli::doctor
