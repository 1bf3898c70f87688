#include "medsynth/dramatiq/message.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'700'000'000'000ms};

// What Python's json.dumps(..., separators=(",", ":")) wrote for the same values.
constexpr std::string_view kPlain =
    R"({"queue_name":"default","actor_name":"add","args":[1],"kwargs":{},"options":{"redis_message_id":"97b6289a-0000-4000-8000-000000000000"},"message_id":"6e011141-0000-4000-8000-000000000000","message_timestamp":1795431911810})";
constexpr std::string_view kEscapes =
    R"({"queue_name":"default","actor_name":"add","args":["\"\\/\b\f\n\r\t\u0000\u001f\u007f"],"kwargs":{"a\u007f":"\u00e4\u20ac\ud834\udd1e"},"options":{},"message_id":"m","message_timestamp":0})";
constexpr std::string_view kNumbers =
    R"({"queue_name":"q.DQ","actor_name":"a","args":[1180591620717411303424,-9223372036854775808,1.0,0.1,0.0001,1e-05,1000000000000000.0,1e+16,-0.0,5e-324,1.7976931348623157e+308],"kwargs":{},"options":{"time_limit":Infinity,"x":NaN,"y":-Infinity,"big":1180591620717411303424},"message_id":"m","message_timestamp":1})";
constexpr std::string_view kNames =
    R"({"queue_name":"q","actor_name":"\u00e4ctor \u007f \"\ud834\udd1e\"","args":[],"kwargs":{"\ud800":"\udc00"},"options":{"gr\u00f6\u00dfe":1,"nested":{"a":[{}]}},"message_id":"m-\u00e9","message_timestamp":-5})";

// A message with `member` in place of the one of that name; "" leaves it out.
std::string with(std::string_view name, std::string_view member) {
  std::string out = "{";
  const auto members = json::members(kPlain);
  for (const auto& [key, text] : *members) {
    const std::string own = json::write_string(key) + ":" + std::string(text);
    const std::string_view chosen = key == name ? member : own;
    if (!chosen.empty()) out += (out.size() > 1 ? "," : "") + std::string(chosen);
  }
  return out + "}";
}

TEST(Message, WhatPythonEncodedIsEncodedToTheSameBytes) {
  for (const std::string_view payload : {kPlain, kEscapes, kNumbers, kNames}) {
    const auto message = decode(payload);
    ASSERT_TRUE(message) << payload;
    EXPECT_EQ(encode(*message), payload);
    // An actor's name with a control character can be read, but nobody may send it.
    EXPECT_EQ(check(*message).has_value(), payload != kNames) << payload;
  }
}

TEST(Message, OneWeBuildIsEncodedAsPythonWould) {
  Message message;
  message.queue_name = "q";
  message.actor_name = "äctor \x7f \"𝄞\"";
  message.kwargs = R"({"\ud800":"\udc00"})";
  message.set_option("größe", "1");
  message.set_option("nested", R"({"a":[{}]})");
  message.message_id = "m-é";
  message.message_timestamp = -5;
  EXPECT_EQ(encode(message), kNames);
}

TEST(Message, ANewOneHasIdAndTime) {
  const Message message = make_message("medsynth", "act", R"({"a":1})", kNow);
  EXPECT_EQ(message.message_id.size(), 36u);
  EXPECT_EQ(message.message_timestamp, 1'700'000'000'000);
  EXPECT_TRUE(check(message));
  EXPECT_NE(make_message("medsynth", "act", "{}", kNow).message_id, message.message_id);
}

TEST(Message, SpaceAndKeyOrderMeanNothingToTheDecoder) {
  const auto message = decode(
      " {\"message_timestamp\" : 7 , \"args\":[ 1 ],\n\"kwargs\":{ },\"options\":{\"a\" : "
      "2},\"message_id\":\"m\","
      "\"actor_name\":\"x\",\"queue_name\":\"q\"} ");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->args, "[ 1 ]");
  EXPECT_EQ(message->option("a"), "2");
  EXPECT_EQ(message->message_timestamp, 7);
}

// A payload that Python could not decode, or that has no identity, is refused with the key that is wrong.
TEST(Message, ADecodingFaultNamesItsKey) {
  const std::vector<std::pair<std::string, std::string>> faults{
      {with("queue_name", ""), "/queue_name"},
      {with("actor_name", ""), "/actor_name"},
      {with("args", ""), "/args"},
      {with("kwargs", ""), "/kwargs"},
      {with("options", ""), "/options"},
      {with("message_id", ""), "/message_id"},
      {with("message_timestamp", ""), "/message_timestamp"},
      {with("queue_name", R"("queue_name":1)"), "/queue_name"},
      {with("actor_name", R"("actor_name":"\ud800")"), "/actor_name"},
      {with("args", R"("args":{})"), "/args"},
      {with("kwargs", R"("kwargs":[])"), "/kwargs"},
      {with("kwargs", R"("kwargs":null)"), "/kwargs"},
      {with("options", R"("options":"x")"), "/options"},
      {with("message_id", R"("message_id":null)"), "/message_id"},
      {with("message_timestamp", R"("message_timestamp":1.0)"), "/message_timestamp"},
      {with("message_timestamp", R"("message_timestamp":123456789012345678901234567890)"),
       "/message_timestamp"},
  };
  for (const auto& [payload, pointer] : faults) {
    const auto message = decode(payload);
    ASSERT_FALSE(message) << payload;
    EXPECT_EQ(message.error().code, Code::invalid_argument);
    ASSERT_EQ(message.error().faults.size(), 1u) << payload;
    EXPECT_EQ(message.error().faults[0].pointer, pointer);
  }
}

TEST(Message, AnUnknownKeyIsNamedUnlessItMayBeText) {
  const auto known = decode(with("args", R"("args":[],"priority":1)"));
  ASSERT_FALSE(known);
  EXPECT_NE(known.error().message.find("priority"), std::string::npos);
  const auto text = decode(with("args", R"("args":[],"aspirin helps":1)"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message.find("aspirin"), std::string::npos);
}

TEST(Message, WhatIsNotJsonIsRefused) {
  const std::vector<std::string> payloads{"",
                                          "x",
                                          "[]",
                                          "\x80\x04pickle",
                                          std::string(kPlain) + "x",
                                          with("args", R"("args":[1,])"),
                                          with("args", "\"args\":[\"\xff\"]"),
                                          with("kwargs", R"("kwargs":{a:1})")};
  for (const std::string& payload : payloads) EXPECT_FALSE(decode(payload)) << payload;
}

TEST(Message, OfDuplicateKeysTheLastCountsAtTheFirstOnesPlace) {
  const auto message = decode(with("options", R"("options":{"a":1,"b":2,"a":3})"));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->options, (std::vector<std::pair<std::string, std::string>>{{"a", "3"}, {"b", "2"}}));
}

// Of very many, too: 200,000 of them take no square of time.
TEST(Message, OfManyDuplicateKeysTheLastCountsAtTheFirstOnesPlace) {
  std::string options;
  for (int value = 0; value < 2; ++value)
    for (int name = 0; name < 100'000; ++name) options += fmt::format(R"(,"n{}":{})", name, value);
  const auto message = decode(R"({"queue_name":"q","actor_name":"a","args":[],"kwargs":{},"options":{)" +
                              options.substr(1) + R"(},"message_id":"m","message_timestamp":0})");
  ASSERT_TRUE(message);
  ASSERT_EQ(message->options.size(), 100'000u);
  EXPECT_EQ(message->options.front(), std::pair(std::string("n0"), std::string("1")));
  EXPECT_EQ(message->options.back(), std::pair(std::string("n99999"), std::string("1")));
}

TEST(Message, OptionsKeepTheirPositionAndNewOnesGoLast) {
  Message message = *decode(with("options", R"("options":{"eta":1,"x":[1, 2]})"));
  message.set_option("eta", "5");
  message.set_option("retries", "1");
  message.erase_option("gone");
  EXPECT_NE(encode(message).find(R"("options":{"eta":5,"x":[1, 2],"retries":1})"), std::string::npos);
  message.erase_option("eta");
  EXPECT_NE(encode(message).find(R"("options":{"x":[1, 2],"retries":1})"), std::string::npos);
}

TEST(Message, AnOptionIsReadAsWhatItIs) {
  Message message;
  message.options = {
      {"int", "-7"},  {"float", "7.9"}, {"inf", "Infinity"},      {"minus", "-Infinity"},
      {"nan", "NaN"}, {"null", "null"}, {"text", R"("x\u00e9")"}, {"big", "1180591620717411303424"}};
  EXPECT_EQ(message.integer_option("int"), -7);
  EXPECT_EQ(message.integer_option("float"), 7);
  EXPECT_EQ(message.integer_option("inf"), 8'000'000'000'000);
  EXPECT_EQ(message.integer_option("minus"), -8'000'000'000'000);
  EXPECT_EQ(message.integer_option("big"), 8'000'000'000'000);
  for (const char* name : {"nan", "null", "text", "absent"})
    EXPECT_FALSE(message.integer_option(name)) << name;
  EXPECT_EQ(message.text_option("text"), "xé");
  EXPECT_FALSE(message.text_option("int"));
  EXPECT_EQ(message.option("absent"), "");
}

// Raw text that would break out of its place, or that Python could not read, is never sent.
TEST(Message, CheckRefusesWhatPythonCouldNotDecode) {
  const auto fault = [](auto change) {
    Message message = make_message("q", "act", "{}", kNow);
    change(message);
    const auto checked = check(message);
    return checked                          ? std::string("none")
           : checked.error().faults.empty() ? "?"
                                            : checked.error().faults[0].pointer;
  };
  EXPECT_EQ(fault([](Message&) {}), "none");
  EXPECT_EQ(fault([](Message& m) { m.args = R"([],"x":1)"; }), "/args");
  EXPECT_EQ(fault([](Message& m) { m.args = "{}"; }), "/args");
  EXPECT_EQ(fault([](Message& m) { m.kwargs = "[1"; }), "/kwargs");
  EXPECT_EQ(fault([](Message& m) { m.set_option("a", "}"); }), "/options/a");
  EXPECT_EQ(fault([](Message& m) { m.actor_name = ""; }), "/actor_name");
  EXPECT_EQ(fault([](Message& m) { m.queue_name = "x.msgs"; }), "/queue_name");
  EXPECT_EQ(fault([](Message& m) { m.queue_name = "x.DQ"; }), "none");
}

// What becomes a key, a path or a label, of the message and of those that follow it.
TEST(Message, NamesThatNobodyMayUseAreRefused) {
  const auto fault = [](auto& checking, auto change) {
    Message message = make_message("q", "act", "{}", kNow);
    change(message);
    const auto checked = checking(message);
    return checked ? std::string("none") : checked.error().faults.at(0).pointer;
  };
  const auto both = [&](auto change) {
    const std::string pointer = fault(check_names, change);
    EXPECT_EQ(fault(check, change), pointer);
    return pointer;
  };
  Message follower = make_message("q", "act", "{}", kNow);
  follower.message_id = "\x1fstatus:pending";
  const std::string odd = encode(follower);
  const std::string uuid = R"("6ba7b810-9dad-11d1-80b4-00c04fd430c8")";

  EXPECT_EQ(both([](Message&) {}), "none");
  EXPECT_EQ(both([](Message& m) {
              m.message_id =
                  "\x1f"
                  "all";
            }),
            "/message_id");
  EXPECT_EQ(both([](Message& m) { m.message_id = ".."; }), "/message_id");
  EXPECT_EQ(both([](Message& m) { m.message_id = ""; }), "/message_id");
  EXPECT_EQ(both([](Message& m) { m.actor_name = "\x7f"; }), "/actor_name");
  EXPECT_EQ(both([](Message& m) { m.actor_name = std::string(201, 'a'); }), "/actor_name");
  EXPECT_EQ(both([](Message& m) { m.queue_name = "x.msgs"; }), "/queue_name");
  EXPECT_EQ(both([](Message& m) { m.queue_name = std::string(201, 'q'); }), "/queue_name");
  EXPECT_EQ(both([&](Message& m) { m.set_option("pipe_target", odd); }), "/options/pipe_target/message_id");
  EXPECT_EQ(both([&](Message& m) { m.set_option("pipe_target", "null"); }), "none");
  EXPECT_EQ(both([&](Message& m) {
              m.set_option("group_completion_callbacks",
                           "[" + encode(make_message("q", "a", "{}", kNow)) + "," + odd + "]");
            }),
            "/options/group_completion_callbacks/1/message_id");
  EXPECT_EQ(both([&](Message& m) { m.set_option("group_completion_uuid", uuid); }), "none");
  for (const char* raw : {R"("task:x")", R"("")", "5", R"("6ba7b810-9dad-11d1-80b4-00c04fd430c8@")"})
    EXPECT_EQ(both([&](Message& m) { m.set_option("group_completion_uuid", raw); }),
              "/options/group_completion_uuid");
  for (const char* name : {"on_success", "on_failure", "on_retry_exhausted"}) {
    EXPECT_EQ(both([&](Message& m) { m.set_option(name, R"("a\n")"); }), std::string("/options/") + name);
    EXPECT_EQ(both([&](Message& m) { m.set_option(name, R"("")"); }), "none");  // Dramatiq's "no callback"
  }
  // The task's id: a message from elsewhere has its own instead.
  EXPECT_EQ(fault(check, [](Message& m) { m.kwargs = R"({"task_\u0069d":"\u001f"})"; }), "/kwargs/task_id");
  EXPECT_EQ(fault(check, [](Message& m) { m.set_option("task_id", R"(".")"); }), "/options/task_id");
  EXPECT_EQ(fault(check, [](Message& m) { m.kwargs = R"({"task_id":5,"x":{"task_id":"."}})"; }), "none");
  EXPECT_EQ(fault(check_names, [](Message& m) { m.kwargs = R"({"task_id":"."})"; }), "none");

  // A follower's follower: refused where it is sent; where it is fetched, the follower will be.
  Message first = make_message("q", "act", "{}", kNow);
  first.set_option("pipe_target", odd);
  const std::string chain = encode(first);
  EXPECT_EQ(fault(check, [&](Message& m) { m.set_option("pipe_target", chain); }),
            "/options/pipe_target/options/pipe_target/message_id");
  EXPECT_EQ(fault(check_names, [&](Message& m) { m.set_option("pipe_target", chain); }), "none");
}

// A million of them take no square of time.
TEST(Message, ManyOptionsAreReadOneAfterTheOther) {
  std::string json = "{";
  for (int name = 0; name < 1'000'000; ++name)
    json += fmt::format(R"({}"n{}":0)", name == 0 ? "" : ",", name);
  const auto options = read_options(json + "}");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->size(), 1'000'000u);
}

TEST(QueueName, OnesThatCollideWithKeysAreRefused) {
  for (const char* good : {"default", "medsynth", "_a", "A.b-c_9"})
    EXPECT_TRUE(check_queue_name(good)) << good;
  for (const char* bad : {"", "9a", "-a", "a b", "ä", "a:b", "x.DQ", "x.XQ", "x.msgs", "x.acks",
                          "__heartbeats__", "__acks__.w.q", "__medsynth__.workers"})
    EXPECT_FALSE(check_queue_name(bad)) << bad;
}

TEST(QueueName, DelayQueueAndCanonicalQueueAreEachOthersInverse) {
  EXPECT_EQ(delay_queue("x"), "x.DQ");
  EXPECT_EQ(delay_queue("x.DQ"), "x.DQ");
  EXPECT_EQ(canonical_queue("x.DQ"), "x");
  EXPECT_EQ(canonical_queue("x.XQ"), "x");
  EXPECT_EQ(canonical_queue("x"), "x");
}

TEST(Due, IsTheEtaAndNowWhenThatIsNoNumber) {
  const auto due_of = [](const char* eta) {
    Message message;
    if (*eta) message.set_option("eta", eta);
    return due(message, kNow);
  };
  EXPECT_EQ(due_of(""), std::nullopt);
  EXPECT_EQ(due_of("null"), std::nullopt);
  EXPECT_EQ(due_of("1600000000000"), WallTime{1'600'000'000'000ms});
  EXPECT_EQ(due_of("1800000000000.75"), WallTime{1'800'000'000'000ms});
  EXPECT_EQ(due_of("\"soon\""), kNow);
  EXPECT_EQ(due_of("[]"), kNow);
  EXPECT_EQ(due_of("Infinity"), WallTime{8'000'000'000'000ms});
}

// Any text in any field, any JSON in args: what is encoded is decoded to the same message.
RC_GTEST_PROP(Message, EveryMessageComesBackFromItsPayload,
              (const std::string& actor, const std::map<std::string, int>& names, std::int64_t stamp)) {
  Message message;
  message.queue_name = "q";
  message.actor_name = *json::parse(json::write_string(actor)).value().if_string();  // as valid Unicode
  message.args = "[" + json::write_string(actor) + ", 1180591620717411303424]";
  for (const auto& [name, number] : names)
    message.set_option(std::string(*json::parse(json::write_string(name)).value().if_string()),
                       std::to_string(number));
  message.message_id = "m";
  message.message_timestamp = stamp;
  const auto back = decode(encode(message));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == message);
}

}  // namespace
}  // namespace medsynth::dramatiq
