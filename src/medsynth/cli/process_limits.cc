#include "medsynth/cli/process_limits.h"

#include <sys/resource.h>

#include <fmt/format.h>

namespace medsynth::cli {

std::size_t descriptors_allowed() {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  return static_cast<std::size_t>(descriptors.rlim_cur);
}

Result<> allow_descriptors(std::size_t needed) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  if (const std::size_t allowed = descriptors_allowed(); allowed < needed)
    return Error{
        Code::exhausted,
        fmt::format("Only {} files and connections may be open in one process, and at least {} are needed: "
                    "raise the limit (ulimit -Hn, systemd's LimitNOFILE, docker run --ulimit nofile)",
                    allowed, needed),
        "too_few_descriptors"};
  return success();
}

}  // namespace medsynth::cli
