#include "medsynth/dramatiq/quarantine.h"

#include "medsynth/base/json.h"

namespace medsynth::dramatiq {
namespace {

constexpr std::string_view kActor = "undecodable";
constexpr std::string_view kOption = "undecodable";

}  // namespace

std::string as_characters(std::string_view bytes) {
  std::string utf8;
  for (const char each : bytes) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x80) utf8 += static_cast<char>(0xC0 | (byte >> 6));
    utf8 += byte < 0x80 ? each : static_cast<char>(0x80 | (byte & 0x3F));
  }
  return utf8;
}

std::optional<std::string> as_bytes(std::string_view utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      bytes += utf8[i];
    } else if ((lead == 0xC2 || lead == 0xC3) && i + 1 < utf8.size()) {
      bytes += static_cast<char>(((lead & 0x03u) << 6) | (static_cast<unsigned char>(utf8[++i]) & 0x3Fu));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

Message quarantined(std::string_view queue, std::string_view redis_message_id, std::string_view payload,
                    WallTime now) {
  Message message = make_message(std::string(queue), std::string(kActor), "{}", now);
  message.set_option("redis_message_id", json::write_string(redis_message_id));
  message.set_option(kOption, json::write_string(as_characters(payload)));
  return message;
}

std::string undecodable(const Error& error) {
  return "undecodable: " + error.message;
}

std::optional<std::string> quarantined_payload(const Message& message) {
  if (message.actor_name != kActor) return std::nullopt;
  const auto text = message.text_option(kOption);
  return text ? as_bytes(*text) : std::nullopt;
}

}  // namespace medsynth::dramatiq
