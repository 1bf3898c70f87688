// medsynth login | logout: the key that commands show a server
#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include <fmt/format.h>

#include "medsynth/cli/app.h"
#include "medsynth/cli/tokens.h"

namespace medsynth::cli {
namespace {

// A terminal shows nothing of what is typed while this lives.
class Silence {
 public:
  Silence() : terminal_(tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Silence() {
    if (!terminal_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    fmt::print(stderr, "\n");
  }
  Silence(const Silence&) = delete;

 private:
  termios before_{};
  bool terminal_;
};

// The first line of standard input.
Result<std::string> read_token(const std::string& url) {
  std::string token;
  if (isatty(STDIN_FILENO) != 0) fmt::print(stderr, "Key for {}: ", Text(url).str());
  {
    const Silence silence;
    std::getline(std::cin, token);
  }
  token.erase(token.find_last_not_of(" \t\r") + 1);
  token.erase(0, token.find_first_not_of(" \t"));
  if (token.empty())
    return invalid("standard input", "has no key: type or pipe what 'medsynth keys create' has shown");
  return token;
}

// The server is asked before the key is kept. One that lacks the scope of this call is a key all the same.
Result<> check_token(const HttpClient& client) {
  BOOST_OUTCOME_TRY(const auto answer, client.request("GET", "/v1/resources/system"));
  if (answer.status == 200 || answer.status == 403) return success();
  return as_error(answer);
}

Result<> login(const Session& session) {
  BOOST_OUTCOME_TRY(const auto url, HttpClient::canonical(session.settings().url));
  BOOST_OUTCOME_TRY(const auto token, read_token(url));
  BOOST_OUTCOME_TRY(const auto client, session.client_with(token, url));
  BOOST_OUTCOME_TRY(check_token(client));
  BOOST_OUTCOME_TRY(keep_token(url, token));
  if (url.starts_with("http://") && !client.is_loopback())
    fmt::print(stderr, "The key goes there unencrypted: https:// would be better.\n");
  if (session.format == Format::json) return print_json(json::object{{"url", url}}), success();
  print(fmt::format("The key for {} is kept in {}.", url, token_store().string()));
  return success();
}

Result<> logout(const Session& session) {
  BOOST_OUTCOME_TRY(const auto url, HttpClient::canonical(session.settings().url));
  BOOST_OUTCOME_TRY(const bool kept, forget_token(url));
  if (!kept) return Error{Code::not_found, fmt::format("no key is kept for {}", url), "token_not_found"};
  if (session.format == Format::json) return print_json(json::object{{"url", url}}), success();
  print(fmt::format("The key for {} is forgotten here; 'medsynth keys revoke' ends it.", url));
  return success();
}

int finish(const Result<>& done) {
  return done ? 0 : fail(done.error());
}

}  // namespace

void add_login_commands(CLI::App& app, Run& chosen) {
  add_command(app, chosen, "login", "Keep the key for a server, read from the terminal or standard input",
              [](const Session& session) { return finish(login(session)); });
  add_command(app, chosen, "logout", "Forget the key for a server",
              [](const Session& session) { return finish(logout(session)); });
}

}  // namespace medsynth::cli
