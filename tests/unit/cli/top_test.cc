#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "medsynth/cli/top/frame.h"
#include "medsynth/cli/top/view.h"

namespace medsynth::cli::top {
namespace {

const WallTime kTime = *parse_rfc3339("2026-11-30T12:00:00Z");

json::object object(std::string_view text) {
  return json::parse(text)->as_object();
}

// Two machines, of which one is full; three tasks that run, two that wait, two models, two queues.
Now busy() {
  Now now{.url = "http://127.0.0.1:8000", .link = Now::Link::live};
  now.usage = object(R"({"concurrent_tasks":3,"max_concurrent_tasks":6,"hosts":[
    {"host":"anna","workers":["a","b"],"concurrent_tasks":2,"max_concurrent_tasks":2,"cpu_percent":45.25,
     "max_cpu_percent":90,"memory_percent":91.5,"max_memory_percent":85,"gpu_percent":null,"max_gpu_percent":95,
     "reason":"memory","detail":"91.5 % of memory is used","tasks":[
       {"task_id":"run-1","actor":"detect_contradiction","state":"running","since":"2026-11-30T11:59:00Z",
        "began":"2026-11-30T11:59:30Z","model":"smollm2"},
       {"task_id":"run-2","actor":"detect_contradiction","state":"loading","since":"2026-11-30T11:59:59Z"},
       {"task_id":"wait-1","actor":"detect_contradiction","state":"waiting","since":"2026-11-30T11:59:00Z"}]},
    {"host":"bea","workers":["c"],"concurrent_tasks":1,"max_concurrent_tasks":4,"cpu_percent":null,
     "max_cpu_percent":90,"memory_percent":12,"max_memory_percent":85,"gpu_percent":33,"max_gpu_percent":95,
     "reason":"","tasks":[{"task_id":"run-3","actor":"generate_embeddings","state":"running",
                           "since":"2026-11-30T11:00:00Z","began":"2026-11-30T11:00:00Z"}]}]})");
  now.cache = object(R"({"memory_bytes":1200000000,"models":[
    {"id":"smollm2","host":"anna","worker_id":"a","state":"in_use","memory_bytes":1100000000,"users":1,
     "expires_at":null,"pinned":false},
    {"id":"minilm","host":"bea","worker_id":"c","state":"ready","memory_bytes":100000000,"users":0,
     "expires_at":"2026-11-30T12:04:00Z"}]})");
  now.queues = {{"medsynth", object(R"({"name":"medsynth","state":"active","ready":2,"delayed":0,"running":3,
                                        "dead":1,"workers":3})")},
                {"mail", object(R"({"name":"mail","state":"paused","ready":7,"delayed":0,"running":0,"dead":0,
                                    "workers":0})")}};
  now.waiting = json::parse(R"([
    {"task_id":"wait-1","actor":"detect_contradiction","status":"pending","waiting":{"reason":"memory",
     "since":"2026-11-30T11:58:00Z","detail":"91.5 % of memory is used","place":1,"estimate":{"low":3,"high":9},
     "remedy":"A task ends"}},
    {"task_id":"wait-2","actor":"detect_contradiction","status":"pending","waiting":{"reason":"slot",
     "since":"2026-11-30T11:59:58Z","detail":"2 of 2 slots are taken","place":2,"estimate":null,"remedy":""}},
    {"task_id":"starts-at-once","actor":"detect_contradiction","status":"pending","waiting":null}])")
                    ->as_array();
  now.waiting_total = 3;
  return now;
}

std::string text_of(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) text += line.text.str() + "\n";
  return text;
}

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

View view_of(Pane pane) {
  View view;
  view.pane = pane;
  return view;
}

void press(Key key, const Now& now, View& view) {
  EXPECT_FALSE(press(key, listing_of(view.pane, now, kTime, false), view));
}

TEST(Top, TellsWhatHappens) {
  const std::string text = text_of(draw(busy(), {}, {}, false, kTime));
  for (const char* part : {"3 of 6 slots taken, 3 wait, 2 models in memory (1.2 GB)",
                           "http://127.0.0.1:8000",
                           "anna",
                           "2 of 2",
                           "45.2 of 90 %",
                           "91.5 of 85 %",
                           "CLOSED: memory",
                           "unknown of 90 %",
                           "33.0 of 95 %",
                           "none",
                           "open",
                           "run-1",
                           "running  30.0 s",
                           "loading",
                           "wait-1",
                           "memory 3-9 s",
                           "60 min",
                           "smollm2",
                           "in_use",
                           "1.1 GB",
                           "in 4 min",
                           "PAUSED",
                           "WAITING 3"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find("starts-at-once"), std::string::npos) << "it does not wait\n" << text;
  EXPECT_EQ(text.find("q quit"), std::string::npos) << "no keys where none are read\n" << text;
  EXPECT_EQ(text.find("> "), std::string::npos) << text;
}

// Whatever the size, and in whichever pane: it fits, its last line has the keys, and the pane that one is in is there.
TEST(Top, FitsScreensOfAnySize) {
  const Now now = busy();
  for (const Pane pane : kPanes) {
    for (const Size size : {Size{50, 200}, Size{24, 80}, Size{24, 40}, Size{13, 80}, Size{12, 60},
                            Size{6, 30}, Size{5, 20}, Size{4, 20}, Size{2, 10}, Size{1, 1}}) {
      const auto lines = draw(now, view_of(pane), size, false, kTime);
      const std::string text = text_of(lines);
      EXPECT_LE(lines.size(), size.rows) << text;
      for (const Line& line : lines) EXPECT_LE(width_of(line.text.str()), size.columns) << text;
      if (size.rows >= 5 && size.columns >= 20) {
        EXPECT_TRUE(lines.back().text.str().starts_with("Tab pane")) << text;
        EXPECT_NE(text.find("\n> "), std::string::npos) << text;
      }
    }
  }
}

TEST(Top, OnASmallScreenThereIsOnePane) {
  const std::string text = text_of(draw(busy(), view_of(Pane::queues), {8, 80}, false, kTime));
  EXPECT_NE(text.find("QUEUES"), std::string::npos) << text;
  EXPECT_EQ(text.find("MACHINES"), std::string::npos) << text;
}

// At 80x24 every pane has its titles and a line.
TEST(Top, On80x24EveryPaneIsThere) {
  Now now = busy();
  for (int i = 0; i < 50; ++i) now.queues[fmt::format("queue-{}", i)] = object(R"({"state":"active"})");
  const std::string text = text_of(draw(now, {}, {24, 80}, false, kTime));
  for (const char* part :
       {"MACHINES", "RUNNING", "WAITING", "MODELS", "QUEUES", "anna", "run-1", "wait-1", "minilm", "mail"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Top, AsciiIsEnough) {
  Now now = busy();
  now.queues["größe"] = object(R"({"state":"active"})");
  for (const Size size : {Size{24, 80}, Size{60, 200}, Size{24, 30}}) {
    const std::string text = text_of(draw(now, {}, size, true, kTime));
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x80;
    })) << text;
  }
  EXPECT_NE(text_of(draw(now, {}, {60, 200}, true, kTime)).find("gr??e"), std::string::npos);
}

// What others named is one line, and moves no cursor.
TEST(Top, NamesOfOthersAreEscaped) {
  Now now = busy();
  now.usage.at("hosts").as_array().at(0).as_object()["host"] = "box\nroot\x1b[2J";
  const std::string text = text_of(draw(now, {}, {40, 150}, false, kTime));
  EXPECT_NE(text.find("box\\nroot\\x1b[2J"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

// A server of another version may leave out anything.
TEST(Top, WhatIsNotThereIsNotShown) {
  Now now;
  now.usage = object(R"({"hosts":[{},1,{"tasks":[{}],"workers":3}]})");
  now.cache = object(R"({"models":[{}]})");
  now.waiting = json::parse(R"([{},null,{"waiting":{}}])")->as_array();
  now.queues["q"] = {};
  EXPECT_FALSE(draw(now, {}, {24, 80}, false, kTime).empty());
  const std::string text = text_of(draw(Now{}, {}, {}, false, kTime));
  for (const char* part :
       {"no machine reports", "nothing runs", "nothing waits", "no model is in memory", "there is no queue"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(Top, AServerThatIsAwayIsSaid) {
  Now now = busy();
  now.link = Now::Link::reconnecting;
  now.trouble = "no Medsynth server answers";
  const std::string text = text_of(draw(now, {}, {24, 80}, false, kTime));
  EXPECT_NE(text.find("RECONNECTING"), std::string::npos) << text;
  EXPECT_NE(text.find("no Medsynth server answers"), std::string::npos) << text;
  EXPECT_NE(text.find("run-1"), std::string::npos) << "as it was\n" << text;
}

// The selected line says more below, and a list that is longer than its pane moves under it.
TEST(Top, TheSelectedLineIsShownAndExplained) {
  Now now = busy();
  View view = view_of(Pane::waiting);
  press(Key::up, now, view);
  const std::string text = text_of(draw(now, view, {24, 80}, false, kTime));
  EXPECT_NE(text.find("> wait-1"), std::string::npos) << text;
  EXPECT_NE(text.find("waits for memory (91.5 % of memory is used), place 1"), std::string::npos) << text;
  for (int i = 0; i < 50; ++i) now.queues[fmt::format("n{:02}", i)] = object(R"({"state":"active"})");
  view.pane = Pane::queues;
  for (int i = 0; i < 60; ++i) press(Key::down, now, view);
  const auto lines = draw(now, view, {24, 80}, false, kTime);
  const auto selected = std::find_if(lines.begin(), lines.end(),
                                     [](const Line& line) { return line.style == Style::selected; });
  ASSERT_NE(selected, lines.end());
  EXPECT_TRUE(selected->text.str().starts_with("> n49")) << text_of(lines);
}

TEST(TopView, ALineStaysSelectedWhileItIsThere) {
  Now now = busy();
  View view = view_of(Pane::queues);
  press(Key::down, now, view);
  now.queues["anew"] = object(R"({"state":"active"})");
  const Listing more = listing_of(Pane::queues, now, kTime, false);
  EXPECT_EQ(more.items[view.selection().in(more)].key, "medsynth");
  now.queues = {{"anew", {}}};
  const Listing fewer = listing_of(Pane::queues, now, kTime, false);
  EXPECT_EQ(fewer.items[view.selection().in(fewer)].key, "anew");
  EXPECT_EQ(view.selection().in(Listing{}), 0u);
}

TEST(TopView, TabGoesThroughThePanesAndBack) {
  const Now now = busy();
  View view;
  for (const Pane pane : {Pane::running, Pane::waiting, Pane::models, Pane::queues, Pane::machines}) {
    press(Key::next_pane, now, view);
    EXPECT_EQ(view.pane, pane);
  }
  press(Key::previous_pane, now, view);
  EXPECT_EQ(view.pane, Pane::queues);
}

// Each asks first, about the selected line; only a yes does it.
TEST(TopView, ActionsAskFirst) {
  const Now now = busy();
  struct Case {
    Pane pane;
    Key key;
    Action::Kind kind;
    std::string name;
    std::string question;
  };
  for (const Case& each :
       {Case{Pane::queues, Key::pause, Action::Kind::resume, "mail", "Resume queue mail? [y/N]"},
        Case{Pane::models, Key::drop, Action::Kind::drop, "smollm2", "Drop model smollm2 from memory?"},
        Case{Pane::running, Key::cancel, Action::Kind::cancel, "run-1", "Cancel task run-1? [y/N]"},
        Case{Pane::waiting, Key::cancel, Action::Kind::cancel, "wait-1", "Cancel task wait-1? [y/N]"}}) {
    for (const Key answer : {Key::yes, Key::other, Key::down, Key::cancel}) {
      View view = view_of(each.pane);
      const Listing listing = listing_of(each.pane, now, kTime, false);
      press(each.key, now, view);
      const std::string asked = draw(now, view, {24, 80}, false, kTime).back().text.str();
      EXPECT_TRUE(asked.starts_with(each.question)) << asked;
      const auto action = press(answer, listing, view);
      ASSERT_EQ(action.has_value(), answer == Key::yes);
      EXPECT_FALSE(view.question);
      if (!action) {
        EXPECT_EQ(view.note.str(), "nothing was changed");
        continue;
      }
      EXPECT_EQ(action->kind, each.kind);
      EXPECT_EQ(action->name, each.name);
    }
  }
  View view = view_of(Pane::queues);
  press(Key::down, now, view);
  press(Key::pause, now, view);
  ASSERT_TRUE(view.question);
  EXPECT_EQ(view.question->kind, Action::Kind::pause);
}

// A key that is for another pane, or for a line where there is none, says so and asks nothing.
TEST(TopView, AKeyOfAnotherPaneSaysWhereItBelongs) {
  for (const Key key : {Key::pause, Key::drop, Key::cancel}) {
    for (const Pane pane : kPanes) {
      View view = view_of(pane);
      press(key, Now{}, view);
      EXPECT_FALSE(view.question);
      EXPECT_NE(view.note.str().find("Tab"), std::string::npos);
    }
  }
}

TEST(TopView, HelpIsAPageThatAnyKeyEnds) {
  const Now now = busy();
  View view;
  press(Key::help, now, view);
  EXPECT_NE(text_of(draw(now, view, {24, 80}, false, kTime)).find("Shift-Tab"), std::string::npos);
  press(Key::down, now, view);
  EXPECT_NE(text_of(draw(now, view, {24, 80}, false, kTime)).find("MACHINES"), std::string::npos);
  press(Key::none, now, view);
  EXPECT_FALSE(view.help);
}

}  // namespace
}  // namespace medsynth::cli::top
