// medsynth top
#include <unistd.h>

#include <chrono>
#include <memory>

#include "medsynth/cli/app.h"
#include "medsynth/cli/top/feed.h"
#include "medsynth/cli/top/frame.h"
#include "medsynth/cli/top/terminal.h"

namespace medsynth::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenFrames{250};

json::object as_json(const top::Now& now) {
  json::array queues;
  for (const auto& [name, queue] : now.queues) queues.push_back(queue);
  return {{"usage", now.usage},
          {"cache", now.cache},
          {"queues", std::move(queues)},
          {"waiting", now.waiting},
          {"waiting_total", now.waiting_total}};
}

void print_once(const top::Now& now) {
  Text out;
  for (const top::Line& line :
       top::draw(now, {}, {0, screen_width()}, !top::has_unicode(), system_clock().now()))
    if (out.empty())
      out = line.text;
    else
      out.add_line(line.text);
  print(out);
}

Result<> run_screen(const HttpClient& client, top::Now first) {
  BOOST_OUTCOME_TRY(auto terminal, top::Terminal::open());
  top::Feed feed(client, std::move(first));
  top::View view;
  for (auto key = top::Key::none; key != top::Key::quit; key = terminal.next(kBetweenFrames)) {
    const top::Now now = feed.now();
    const WallTime time = system_clock().now();
    const top::Size size = terminal.size();
    if (auto action = top::press(key, top::listing_of(view.pane, now, time, false), view))
      feed.act(std::move(*action));
    if (Text news = feed.news(); !news.empty()) view.note = std::move(news);
    terminal.show(top::draw(now, view, size, !top::has_unicode(), time));
  }
  return success();
}

int show_top(const Session& session, bool once) {
  const bool json = session.format == Format::json;
  if (!once && !json && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
    return fail(invalid("--once",
                        "medsynth top needs a terminal, and this is none: add --once for one picture "
                        "as text, or --json"));
  const auto client = session.client();
  if (!client) return fail(client.error());
  auto now = top::look(*client);
  if (!now) return fail(now.error());
  if (json) return print_json(as_json(*now)), 0;
  if (once) return print_once(*now), 0;
  const auto ended = run_screen(*client, std::move(*now));
  return ended ? 0 : fail(ended.error());
}

}  // namespace

void add_top_command(CLI::App& app, Run& chosen) {
  auto once = std::make_shared<bool>(false);
  add_command(app, chosen, "top", "What happens now, in the terminal: machines, tasks, models, queues",
              [=](const Session& session) { return show_top(session, *once); })
      ->add_flag("--once", *once, "One picture as text, for what is no terminal");
}

}  // namespace medsynth::cli
