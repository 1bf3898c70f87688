// A payload that nobody can decode, as a message that everybody can: the dashboard, which decodes every dead
// letter, must not break on it, and nothing of it is lost. Stored: frozen. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "medsynth/dramatiq/message.h"

namespace medsynth::dramatiq {

// A message for the actor "undecodable" that carries the payload in its option `undecodable`, each byte as
// the character of its number (so that what was text stays readable).
Message quarantined(std::string_view queue, std::string_view redis_message_id, std::string_view payload,
                    WallTime now);
// Why it is a dead letter.
std::string undecodable(const Error& error);
// The payload that such a message carries, byte for byte; nullopt for any other message.
std::optional<std::string> quarantined_payload(const Message& message);

// Bytes as text in UTF-8: each becomes the character of its number, U+0000 to U+00FF.
std::string as_characters(std::string_view bytes);
// The bytes again; nullopt: there is another character.
std::optional<std::string> as_bytes(std::string_view characters);

}  // namespace medsynth::dramatiq
