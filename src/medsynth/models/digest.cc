#include "medsynth/models/digest.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <fmt/format.h>

namespace medsynth::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 1 << 20;

Error unreadable(const fs::path& file) {
  return {Code::not_found, "cannot read " + file.string(), "model_file_not_found"};
}

// "SIZE MTIME_NS": what a digest is good for.
Result<std::string> stamp_of(const fs::path& file) {
  struct stat info{};
  if (stat(file.c_str(), &info) != 0) return unreadable(file);
  return fmt::format("{} {}{:09}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

Result<std::string> compute(const fs::path& file, const std::stop_token& stop) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return unreadable(file);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> block(kBlock);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())), in.gcount() > 0) {
    if (stop.stop_requested())
      return Error{Code::cancelled, "checking " + file.filename().string() + " was cancelled", ""};
    EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return unreadable(file);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), bytes.data(), &size);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

// Kept as "DIGEST SIZE MTIME_NS\n".
std::string read_kept(const fs::path& beside, const std::string& stamp) {
  std::ifstream in(beside);
  std::string digest, rest;
  if (!(in >> digest) || digest.size() != 64 || !std::getline(in, rest)) return "";
  return rest == " " + stamp ? digest : "";
}

void keep(const fs::path& beside, const std::string& digest, const std::string& stamp) {
  const fs::path fresh = fmt::format("{}.{}", beside.string(), getpid());
  std::error_code error;
  if (std::ofstream out(fresh); out << digest << ' ' << stamp << '\n') {
    out.close();
    fs::rename(fresh, beside, error);
  }
  fs::remove(fresh, error);
}

// For folders that we may not write to.
class Remembered {
 public:
  std::string find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = digests_.find(key);
    return found == digests_.end() ? "" : found->second;
  }
  void put(const std::string& key, const std::string& digest) {
    const std::lock_guard lock(mutex_);
    digests_[key] = digest;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> digests_;
};

Remembered& remembered() {
  static Remembered all;
  return all;
}

}  // namespace

Result<std::string> file_digest(const fs::path& file, std::stop_token stop) {
  BOOST_OUTCOME_TRY(const std::string stamp, stamp_of(file));
  const std::string key = file.string() + ' ' + stamp;
  const fs::path beside = file.string() + ".sha256";
  if (std::string digest = remembered().find(key); !digest.empty()) return digest;
  std::string digest = read_kept(beside, stamp);
  if (digest.empty()) {
    BOOST_OUTCOME_TRY(digest, compute(file, stop));
    keep(beside, digest, stamp);
  }
  remembered().put(key, digest);
  return digest;
}

Result<> check_digest(std::string_view name, std::string_view digest, std::string_view wanted) {
  if (wanted.empty() || digest == wanted) return success();
  return Error{Code::invalid_argument,
               fmt::format("the file of {} is not the one in models.toml: its sha256 is {}, wanted {}. Add "
                           "it again, or fetch it again",
                           name, digest, wanted),
               "wrong_digest"};
}

}  // namespace medsynth::models
