// What the calls on queues and dead letters take and answer, described once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"

namespace medsynth::api {

struct QueueInfo {
  std::string name;
  std::string state;         // active | paused: our workers take nothing from it
  std::int64_t ready = 0;    // waiting
  std::int64_t delayed = 0;  // until they are due
  std::int64_t running = 0;  // in workers' hands
  std::int64_t dead = 0;
  std::int64_t workers = 0;  // of ours that consume it; Python's are not known
};
BOOST_DESCRIBE_STRUCT(QueueInfo, (), (name, state, ready, delayed, running, dead, workers))

struct ListQueuesQuery {
  bool all = false;
};
BOOST_DESCRIBE_STRUCT(ListQueuesQuery, (), (all))

struct QueueList {
  std::vector<QueueInfo> queues;
};
BOOST_DESCRIBE_STRUCT(QueueList, (), (queues))

struct QueueAnswer {
  std::string status = "success";
  std::string message;
  QueueInfo data;
};
BOOST_DESCRIBE_STRUCT(QueueAnswer, (), (status, message, data))

// A bounded piece of work: so much was done, so much is left for the next call.
struct BatchQuery {
  std::int64_t limit = 1000;
};
BOOST_DESCRIBE_STRUCT(BatchQuery, (), (limit))

struct Purged {
  std::int64_t purged_count = 0;
  std::int64_t remaining = 0;
};
BOOST_DESCRIBE_STRUCT(Purged, (), (purged_count, remaining))

struct PurgeAnswer {
  std::string status = "success";
  std::string message;
  Purged data;
};
BOOST_DESCRIBE_STRUCT(PurgeAnswer, (), (status, message, data))

struct SendMessage {
  std::string actor;
  json::array args;
  json::object kwargs;
  json::object options;
  std::int64_t delay = 0;  // ms
};
BOOST_DESCRIBE_STRUCT(SendMessage, (), (actor, args, kwargs, options, delay))

struct SentMessage {
  std::string queue;
  std::string message_id;
  std::optional<std::string> task_id;  // of the record; none on a queue that workers of ours do not consume
};
BOOST_DESCRIBE_STRUCT(SentMessage, (), (queue, message_id, task_id))

struct SendAnswer {
  std::string status = "success";
  std::string message;
  SentMessage data;
};
BOOST_DESCRIBE_STRUCT(SendAnswer, (), (status, message, data))

// --- dead letters

struct DeadLetterInfo {
  std::string id;  // its redis_message_id
  std::string queue;
  std::string died_at;
  std::string reason;
  bool decodable = true;
  std::optional<std::string> actor;  // this and the next four: of one that can be decoded
  std::optional<std::string> message_id;
  std::optional<std::string> task_id;
  std::optional<std::int64_t> attempts;
  std::optional<std::string> sent_at;
  std::int64_t payload_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(DeadLetterInfo, (),
                      (id, queue, died_at, reason, decodable, actor, message_id, task_id, attempts, sent_at,
                       payload_bytes))

// One letter in full.
struct DeadLetterDetail : DeadLetterInfo {
  json::value args;     // JSON; a string of it where it is no JSON for everybody (NaN)
  json::value kwargs;   // the same
  json::value options;  // the same, without the traceback
  std::optional<std::string> traceback;
  std::optional<std::string>
      payload;  // of one that cannot be decoded: each byte as the character of its number
  // Of these five, those above 1 MiB: null, or cut after it where it is text.
  std::optional<std::vector<std::string>> omitted;
};
BOOST_DESCRIBE_STRUCT(DeadLetterDetail, (DeadLetterInfo),
                      (args, kwargs, options, traceback, payload, omitted))

struct ListDeadQuery {
  std::optional<std::string> queue;
  std::int64_t limit = 50;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(ListDeadQuery, (), (queue, limit, cursor))

struct DeadPage {
  std::vector<DeadLetterInfo> letters;
  std::int64_t total = 0;
  std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(DeadPage, (), (letters, total, next_cursor))

struct DeadLetterQuery {
  std::optional<std::string> queue;
};
BOOST_DESCRIBE_STRUCT(DeadLetterQuery, (), (queue))

struct DeadBatchQuery {
  std::string queue;
  std::int64_t limit = 1000;
};
BOOST_DESCRIBE_STRUCT(DeadBatchQuery, (), (queue, limit))

struct Replayed {
  std::int64_t replayed_count = 0;
  std::vector<std::string> refused;  // ids that stay: undecodable, or their task id is another message's now
  std::int64_t remaining = 0;
};
BOOST_DESCRIBE_STRUCT(Replayed, (), (replayed_count, refused, remaining))

struct ReplayAnswer {
  std::string status = "success";
  std::string message;
  Replayed data;
};
BOOST_DESCRIBE_STRUCT(ReplayAnswer, (), (status, message, data))

}  // namespace medsynth::api

namespace medsynth::described {
template <>
struct Rules<api::ListQueuesQuery> {
  static constexpr std::array fields{
      Field{.name = "all",
            .help = "Also queues that only Python uses: looks through all keys of the database",
            .optional = true}};
};
template <>
struct Rules<api::BatchQuery> {
  static constexpr std::array fields{Field{.name = "limit",
                                           .help = "At most this many in this call",
                                           .optional = true,
                                           .minimum = 1,
                                           .maximum = 10000}};
};
template <>
struct Rules<api::SendMessage> {
  static constexpr std::array fields{
      Field{.name = "actor", .help = "Name of the actor", .min_size = 1, .max_size = 200},
      Field{.name = "args", .help = "Positional arguments", .optional = true},
      Field{.name = "kwargs", .help = "Keyword arguments", .optional = true},
      Field{.name = "options",
            .help = "Dramatiq's message options (max_retries, time_limit, ...)",
            .optional = true},
      Field{.name = "delay",
            .help = "Milliseconds until it may run; at most 7 days, as Dramatiq has it",
            .optional = true,
            .minimum = 0,
            .maximum = 604'800'000}};
};
template <>
struct Rules<api::ListDeadQuery> {
  static constexpr std::array fields{
      Field{.name = "queue", .help = "Only this queue's; absent: those of all known queues"},
      Field{.name = "limit", .help = "At most this many", .optional = true, .minimum = 1, .maximum = 1000},
      Field{.name = "cursor", .help = "next_cursor of the page before"}};
};
template <>
struct Rules<api::DeadLetterQuery> {
  static constexpr std::array fields{
      Field{.name = "queue", .help = "Where it lies; absent: looked for in all known queues"}};
};
template <>
struct Rules<api::DeadBatchQuery> {
  static constexpr std::array fields{Field{.name = "queue", .help = "Whose dead letters"},
                                     Field{.name = "limit",
                                           .help = "At most this many in this call, those that died first",
                                           .optional = true,
                                           .minimum = 1,
                                           .maximum = 10000}};
};
}  // namespace medsynth::described
