// Dramatiq's messages: what is decoded, and may be sent, is encoded to something that decodes to the same
// message.
#include "medsynth/dramatiq/message.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  const auto message = dramatiq::decode(fuzz::text_of(data, size));
  if (!message) return 0;
  (void)dramatiq::due(*message, {});
  for (const auto& [name, value] : message->options) {
    (void)message->integer_option(name);
    (void)message->text_option(name);
  }
  if (!dramatiq::check(*message)) return 0;
  const auto again = dramatiq::decode(dramatiq::encode(*message));
  fuzz::require(again.has_value(), "what we send is decoded");
  fuzz::require(*again == *message, "what we send is the same message");
  return 0;
}
