#include "medsynth/base/random.h"

#include <openssl/rand.h>

#include <cstdlib>
#include <vector>

#include <fmt/format.h>

namespace medsynth {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> drawn(bytes);
  if (RAND_bytes(drawn.data(), static_cast<int>(bytes)) != 1) std::abort();
  std::string text;
  for (const unsigned char each : drawn) text += fmt::format("{:02x}", each);
  return text;
}

}  // namespace medsynth
