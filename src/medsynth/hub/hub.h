// Models on the Hugging Face Hub, or on a mirror that speaks as it does: what a reference names, which files of a
// repository make a model, and how they come here. Blocking; thread safe (no state).
//
//   hf:Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF:Q4_K_M
//   hf:OWNER/REPO@REVISION:folder/model.gguf
//   https://host/model.gguf
//
// Source of the protocol: https://huggingface.co/docs/hub/api (tree, resolve), and the fields that resolve answers
// with: X-Linked-Etag, X-Linked-Size, X-Error-Code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/hub/download.h"

namespace medsynth::hub {

struct Reference {
  std::string repository;  // "OWNER/REPO"
  std::string revision = "main";
  std::string file;  // a path in it, or a part of a file's name as Q4_K_M; empty: the only model there
};

// What stands behind "hf:", or the address of a page or file of a hub at `hub_url`. invalid_argument says what is
// wrong and how it looks.
Result<Reference> parse_reference(std::string_view text, const Address& hub);
// Whether parse_reference() reads it; else it is an address of any server.
bool is_reference(std::string_view text, const Address& hub);

struct RepositoryFile {
  std::string path;
  std::uint64_t bytes = 0;  // 0: not known
  std::string sha256;       // empty: not known (small files)
};

// Which files make the model that `wanted` names: one GGUF file, or an ONNX file and what belongs to it
// (config.json, the tokenizer's files). Pure.
// not_found, conflict ("ambiguous"): what there is to choose from.
struct Choice {
  RepositoryFile model;
  std::vector<RepositoryFile> beside;  // of an ONNX model
};
Result<Choice> choose(const std::vector<RepositoryFile>& files, const Reference& wanted);

struct Hub {
  Address address;
  std::string token = {};  // shown to it, and to no other; empty: none
};

// not_found: no such repository, revision or file, or it is private; not_allowed: it is gated, or the token is not
// taken; exhausted: too many requests; and errors of fetch_text().
Result<std::vector<RepositoryFile>> list_files(const Hub& hub, const Reference& reference,
                                               const Fetch& options);

// Fetches the files of a reference, or the one of an address, into `folder`, each under its own name, and gives the
// model's. `sha256`, where it is not empty, is the wanted digest of that. Errors of list_files(), choose(), download().
struct Fetched {
  std::filesystem::path model;
  std::string sha256;
};
Result<Fetched> fetch_model(const Hub& hub, std::string_view from, std::string_view sha256,
                            const std::filesystem::path& folder, const Fetch& options);

// The name that a model gets where none is given: that of its repository, or of the file of an address, in small
// letters, without "-GGUF" and the like.
std::string name_of(std::string_view from, const Address& hub);

}  // namespace medsynth::hub
