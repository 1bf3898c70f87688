#include "medsynth/base/error.h"

#include <array>

namespace medsynth {
namespace {

constexpr std::array kCodes{
    CodeInfo{Code::invalid_argument, "invalid_argument", "Invalid argument", 422, 2},
    CodeInfo{Code::not_found, "not_found", "Not found", 404, 3},
    CodeInfo{Code::conflict, "conflict", "Conflict", 409, 1},
    CodeInfo{Code::not_allowed, "not_allowed", "Not allowed", 403, 4},
    CodeInfo{Code::exhausted, "exhausted", "Too many requests", 429, 6},
    CodeInfo{Code::timeout, "timeout", "Timed out", 504, 5},
    CodeInfo{Code::unavailable, "unavailable", "Unavailable", 503, 6},
    CodeInfo{Code::cancelled, "cancelled", "Cancelled", 409, 1},
    CodeInfo{Code::internal, "internal", "Internal error", 500, 1},
};

}  // namespace

const CodeInfo& info(Code code) {
  return kCodes[static_cast<std::size_t>(code)];
}

std::string_view wire_code(const Error& error) {
  return error.reason.empty() ? info(error.code).name : std::string_view(error.reason);
}

}  // namespace medsynth
