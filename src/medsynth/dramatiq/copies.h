// Messages and dead letters on their way to another Redis and back, byte for byte, those that nobody can
// decode too. For a backup.
//
//   Copies copies(broker);
//   const auto page = client.run(copies.tail("medsynth", 0, 100));
//
// `queue` is a name as consumed: canonical or ".DQ". Thread safe (immutable); the broker outlives it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medsynth/dramatiq/broker.h"
#include "medsynth/dramatiq/queues.h"

namespace medsynth::dramatiq {

struct Copy {
  std::string queue;
  std::string redis_message_id;
  std::string payload;
  std::int64_t deaths = 0;  // workers that died running it
};
struct LetterCopy {
  std::string queue;  // canonical
  std::string redis_message_id;
  std::string payload;
  std::string reason;  // empty: none is kept
  std::int64_t died_at_ms = 0;
};

class Copies {
 public:
  explicit Copies(const Broker& broker) : broker_(broker) {}

  // Of those that wait, up to `count`, the last one first, but for the last `skip`; fewer where they are large.
  // New ones come at that end, so that whoever goes on to the head may see one twice, and passes none over.
  redis::Query<std::vector<Waiting>> tail(const std::string& queue, std::int64_t skip,
                                          std::int64_t count) const;

  struct Scanned {
    std::string cursor;  // "0": that was all
    std::vector<Waiting> messages;
  };
  // Every message, waiting or in somebody's hands, in any order: each that is there all the while comes at
  // least once. Of dead letters by "<queue>.XQ".
  redis::Query<Scanned> scan(const std::string& queue, const std::string& cursor) const;

  static constexpr std::size_t kReads = 2;
  // To be carried out together; nullopt: it is not there any more.
  std::vector<redis::Command> reads(const std::string& queue, const std::string& redis_message_id) const;
  Result<std::optional<Copy>> read(const std::string& queue, const std::string& redis_message_id,
                                   std::span<redis::Reply> replies) const;
  // What puts it back: to the head, with the id that it had. Nobody is told (notification()).
  std::vector<redis::Command> puts(const Copy& copy) const;
  redis::Command notification(const std::string& queue) const;

  // Those of these letters that are still there.
  redis::Query<std::vector<LetterCopy>> read_letters(const std::string& queue,
                                                     std::vector<Waiting> letters) const;
  // Puts them back, true for each, but those that are there, or whose id is in the set `given_back`.
  redis::Query<std::vector<bool>> put_letters(const std::vector<LetterCopy>& letters,
                                              const std::string& given_back) const;
  // What put_letters() would answer now.
  redis::Query<std::vector<bool>> look(const std::vector<LetterCopy>& letters,
                                       const std::string& given_back) const;

 private:
  const Broker& broker_;
};

}  // namespace medsynth::dramatiq
