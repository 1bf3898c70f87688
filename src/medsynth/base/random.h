// Secrets that are made here. Thread safe.
#pragma once

#include <cstddef>
#include <string>

namespace medsynth {

// So many random bytes, as lowercase hex. Without randomness there is no safe way to go on: it aborts; OpenSSL
// fails so only where the system has none.
std::string random_hex(std::size_t bytes);

}  // namespace medsynth
