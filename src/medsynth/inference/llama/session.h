// A llama.cpp context with what belongs to it: the batch, and the call that may be stopped. One thread at a
// time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <llama.h>

#include "medsynth/inference/engine.h"

namespace medsynth::inference::llama {

struct SessionOptions {
  bool embeddings = false;  // pooled embeddings instead of logits
  std::uint32_t context = 0;
  std::uint32_t batch = 512;  // tokens computed together
  std::uint32_t sequences = 1;
  int threads = 1;
};

// One token to compute. `wanted`: its logits are asked for.
struct Step {
  llama_token token;
  llama_pos position;
  llama_seq_id sequence;
  bool wanted = false;
};

class Session {
 public:
  // exhausted ("no_memory") when it does not fit.
  static Result<std::unique_ptr<Session>> open(llama_model* model, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Computes the steps, in slices of at most a batch; on_logits(index of the step, logits) for each wanted
  // one, in order. After an error the memory is empty.
  Result<> decode(std::span<const Step> steps, const Until& until,
                  const std::function<void(std::size_t, std::span<const float>)>& on_logits = {});

  // The pooled embedding of a sequence of the last decode; empty when there is none.
  std::span<const float> embedding(llama_seq_id sequence, std::size_t dimension) const;

  // Forgets all sequences, or one; copies one.
  void clear();
  void drop(llama_seq_id sequence);
  void copy(llama_seq_id from, llama_seq_id to);

  std::size_t batch() const { return options_.batch; }

 private:
  explicit Session(const SessionOptions& options);
  Result<> decode_slice(std::span<const Step> slice, const Until& until);

  SessionOptions options_;
  const Until* until_ = nullptr;  // of the call that runs
  llama_context* context_ = nullptr;
  llama_batch batch_{};
  std::size_t vocabulary_ = 0;
};

}  // namespace medsynth::inference::llama
