// The TOML file of settings, and addresses in it: read or refused with a reason; a password is never shown.
#include "medsynth/base/settings.h"

#include "medsynth/base/text.h"
#include "medsynth/redis/url.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medsynth;
  const std::string_view text = fuzz::text_of(data, size);
  const auto none = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
  if (const auto loaded = load_settings({}, none, text)) {
    for (const Setting& setting : settings_table()) (void)shown(loaded->settings, setting);
  } else {
    fuzz::require(!loaded.error().message.empty(), "an error says what is wrong");
  }
  (void)masked(text);
  if (const auto url = redis::parse_url(text); url && !url->password.empty() && url->password != "***")
    fuzz::require(url->shown().find(":" + url->password + "@") == std::string::npos,
                  "a password is not shown");
  return 0;
}
