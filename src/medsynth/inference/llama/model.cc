#include "medsynth/inference/llama/model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>

#include <fmt/format.h>

#include "medsynth/inference/scoring.h"

namespace medsynth::inference::llama {
namespace {

// Prompts computed together; each may be forked once for a label of several tokens, so twice as many
// sequences.
constexpr std::size_t kPromptsTogether = 16;
constexpr llama_seq_id kPrefixSequence = 2 * kPromptsTogether;
constexpr std::size_t kConstants = 64;  // scores that are kept; callers have a few each
constexpr std::size_t kTextsTogether = 64;
constexpr std::uint32_t kBatch = 512;

Result<> check_texts(std::size_t count, std::string_view name,
                     const std::function<bool(std::size_t)>& is_empty) {
  if (count == 0) return invalid(fmt::format("/{}", name), "must not be empty");
  for (std::size_t i = 0; i < count; ++i) {
    if (is_empty(i)) return invalid(fmt::format("/{}/{}", name, i), "must not be empty");
  }
  return success();
}

void append(std::vector<Step>& steps, std::span<const llama_token> tokens, llama_pos from,
            std::size_t sequence) {
  for (const llama_token token : tokens)
    steps.push_back({.token = token, .position = from++, .sequence = static_cast<llama_seq_id>(sequence)});
}

// How many tokens all prompts share by their own word. The last token of a prompt is never among them: its
// logits are wanted.
std::size_t shared_by(std::span<const PromptTokens* const> prompts) {
  if (prompts.empty()) return 0;
  const Tokens& first = prompts[0]->tokens;
  std::size_t shared = first.size();
  for (const PromptTokens* prompt : prompts)
    shared = std::min({shared, prompt->shared, prompt->tokens.size() - 1});
  for (const PromptTokens* prompt : prompts)
    if (!std::equal(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(shared),
                    prompt->tokens.begin()))
      return 0;
  return shared;
}

}  // namespace

LlamaModel::LlamaModel(ModelPtr model, ModelInfo info, bool sentence, int threads)
    : model_(std::move(model)),
      info_(std::move(info)),
      sentence_(sentence),
      threads_(threads),
      tokenizer_(model_.get()) {
  info_.chat = tokenizer_.has_chat();
}

Result<std::shared_ptr<Model>> LlamaModel::make(ModelPtr model, ModelInfo info, bool sentence, int threads) {
  std::shared_ptr<LlamaModel> made(new LlamaModel(std::move(model), std::move(info), sentence, threads));
  BOOST_OUTCOME_TRY(sentence ? made->open_embedding() : made->open_scoring());
  return std::shared_ptr<Model>(std::move(made));
}

Result<> LlamaModel::open_scoring() {
  if (scoring_) return success();
  const auto context = static_cast<std::uint32_t>(info_.context);
  BOOST_OUTCOME_TRY(scoring_, Session::open(model_.get(), {.context = context,
                                                           .batch = std::min(kBatch, context),
                                                           .sequences = kPrefixSequence + 1,
                                                           .threads = threads_}));
  return success();
}

Result<> LlamaModel::open_embedding() {
  if (embedding_) return success();
  const auto context = static_cast<std::uint32_t>(info_.context);
  // Pooling works within one batch, so a text must fit into one.
  const std::uint32_t batch = sentence_ ? std::max(kBatch, context) : std::min(kBatch, context);
  BOOST_OUTCOME_TRY(embedding_, Session::open(model_.get(), {.embeddings = true,
                                                             .context = batch,
                                                             .batch = batch,
                                                             .sequences = kTextsTogether,
                                                             .threads = threads_}));
  return success();
}

Result<std::vector<LabelScores>> LlamaModel::score(std::span<const Prompt> prompts,
                                                   std::span<const std::string> labels,
                                                   const Until& until) try {
  if (sentence_)
    return Error{Code::invalid_argument,
                 fmt::format("{} is a sentence model: it embeds texts and cannot continue them", info_.id),
                 "not_a_language_model"};
  BOOST_OUTCOME_TRY(
      check_texts(prompts.size(), "prompts", [&](std::size_t i) { return prompts[i].text.empty(); }));
  BOOST_OUTCOME_TRY(check_texts(labels.size(), "labels", [&](std::size_t i) { return labels[i].empty(); }));
  std::vector<Tokens> label_tokens;
  std::size_t longest = 0;
  for (const std::string& label : labels)
    longest = std::max(longest, label_tokens.emplace_back(tokenizer_.label(label)).size());
  const auto room = static_cast<std::size_t>(info_.context);
  if (2 * longest >= room) return invalid("/labels", "must be shorter than half the model's context");
  std::vector<PromptTokens> prompt_tokens;
  for (const Prompt& prompt : prompts) prompt_tokens.push_back(tokenizer_.prompt(prompt, room - longest));

  std::vector<LabelScores> scores(prompts.size());
  const std::vector<std::string> label_texts(labels.begin(), labels.end());
  BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
  std::vector<const PromptTokens*> asked;
  std::vector<LabelScores*> answers;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!prompts[i].constant) {
      asked.push_back(&prompt_tokens[i]);
      answers.push_back(&scores[i]);
      continue;
    }
    ConstantKey key{prompts[i].text, prompts[i].chat, label_texts};
    auto known = constants_.find(key);
    if (known == constants_.end()) {
      const std::array alone{&prompt_tokens[i]};
      const std::array answer{&scores[i]};
      BOOST_OUTCOME_TRY(score_all(alone, label_tokens, until, answer));
      if (constants_.size() >= kConstants) constants_.clear();
      known = constants_.emplace(std::move(key), scores[i]).first;
    }
    scores[i] = known->second;
  }
  BOOST_OUTCOME_TRY(score_all(asked, label_tokens, until, answers));
  return scores;
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("the model runtime failed: {}", error.what()), "inference_failed"};
}

Result<> LlamaModel::score_all(std::span<const PromptTokens* const> prompts, std::span<const Tokens> labels,
                               const Until& until, std::span<LabelScores* const> scores) {
  const std::size_t shared = shared_by(prompts);
  std::size_t longest = 0;
  for (const Tokens& label : labels) longest = std::max(longest, label.size());
  std::vector<std::size_t> sizes;
  for (const PromptTokens* prompt : prompts) sizes.push_back(prompt->tokens.size() - shared + longest);
  const std::size_t room = static_cast<std::size_t>(info_.context) - shared;
  for (std::size_t at = 0; at < prompts.size();) {
    const std::size_t count = count_that_fit(std::span(sizes).subspan(at), room, kPromptsTogether);
    auto done = score_together(prompts.subspan(at, count), shared, labels, until, scores.subspan(at, count));
    if (!done) {
      prefix_.clear();  // a session that failed has forgotten everything
      return done;
    }
    at += count;
  }
  return success();
}

Error LlamaModel::no_numbers() const {
  return {
      Code::invalid_argument,
      fmt::format("{} gives numbers that are NaN or infinite, as a damaged model does: compare its file with "
                  "its source",
                  info_.id),
      "not_a_number"};
}

Result<> LlamaModel::keep_prefix(std::span<const llama_token> prefix, const Until& until) {
  if (std::equal(prefix.begin(), prefix.end(), prefix_.begin(), prefix_.end())) {
    for (llama_seq_id sequence = 0; sequence < kPrefixSequence; ++sequence) scoring_->drop(sequence);
    return success();
  }
  scoring_->clear();
  prefix_.clear();
  std::vector<Step> steps;
  append(steps, prefix, 0, kPrefixSequence);
  BOOST_OUTCOME_TRY(scoring_->decode(steps, until));
  prefix_.assign(prefix.begin(), prefix.end());
  return success();
}

Result<> LlamaModel::score_together(std::span<const PromptTokens* const> prompts, std::size_t shared,
                                    std::span<const Tokens> labels, const Until& until,
                                    std::span<LabelScores* const> scores) {
  BOOST_OUTCOME_TRY(keep_prefix(std::span(prompts[0]->tokens).first(shared), until));
  std::vector<Step> steps;
  std::vector<std::size_t> ends;  // where each prompt's last token stands in `steps`
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    if (shared > 0) scoring_->copy(kPrefixSequence, static_cast<llama_seq_id>(p));
    append(steps, std::span(prompts[p]->tokens).subspan(shared), static_cast<llama_pos>(shared), p);
    steps.back().wanted = true;
    ends.push_back(steps.size() - 1);
    *scores[p] = {.truncated = prompts[p]->truncated,
                  .tokens = static_cast<std::int64_t>(prompts[p]->tokens.size())};
  }
  BOOST_OUTCOME_TRY(scoring_->decode(steps, until, [&](std::size_t at, std::span<const float> logits) {
    LabelScores& score =
        *scores[static_cast<std::size_t>(std::find(ends.begin(), ends.end(), at) - ends.begin())];
    const double sum = log_sum_exp(logits);
    for (const Tokens& label : labels)
      score.log_probs.push_back(logits[static_cast<std::size_t>(label[0])] - sum);
  }));
  // The further tokens of a longer label, each prompt forked to its own sequence.
  for (std::size_t l = 0; l < labels.size(); ++l) {
    const Tokens& label = labels[l];
    if (label.size() < 2) continue;
    steps.clear();
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const std::size_t fork = prompts.size() + p;
      scoring_->copy(static_cast<llama_seq_id>(p), static_cast<llama_seq_id>(fork));
      append(steps, std::span(label).first(label.size() - 1),
             static_cast<llama_pos>(prompts[p]->tokens.size()), fork);
    }
    for (Step& step : steps) step.wanted = true;
    BOOST_OUTCOME_TRY(scoring_->decode(steps, until, [&](std::size_t at, std::span<const float> logits) {
      const std::size_t further = label.size() - 1;
      scores[at / further]->log_probs[l] +=
          logits[static_cast<std::size_t>(label[at % further + 1])] - log_sum_exp(logits);
    }));
    for (std::size_t p = 0; p < prompts.size(); ++p)
      scoring_->drop(static_cast<llama_seq_id>(prompts.size() + p));
  }
  for (LabelScores* score : scores) {
    if (!std::ranges::all_of(score->log_probs, [](double each) { return std::isfinite(each); }))
      return no_numbers();
    for (const double log_prob : score->log_probs) score->label_mass += std::exp(log_prob);
  }
  return success();
}

Result<std::vector<std::vector<float>>> LlamaModel::embed(std::span<const std::string> texts,
                                                          const Until& until,
                                                          std::vector<bool>* truncated) try {
  BOOST_OUTCOME_TRY(check_texts(texts.size(), "texts", [&](std::size_t i) { return texts[i].empty(); }));
  const auto context = static_cast<std::size_t>(info_.context);
  const std::size_t limit = sentence_ ? context : std::min<std::size_t>(context, kBatch);
  std::vector<PromptTokens> tokens;
  std::vector<std::size_t> sizes;
  for (const std::string& text : texts)
    sizes.push_back(tokens.emplace_back(tokenizer_.sentence(text, limit)).tokens.size());
  if (truncated) {
    truncated->clear();
    for (const PromptTokens& text : tokens) truncated->push_back(text.truncated);
  }
  std::vector<std::vector<float>> out;
  BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
  BOOST_OUTCOME_TRY(open_embedding());
  for (std::size_t at = 0; at < texts.size();) {
    const std::size_t count =
        count_that_fit(std::span(sizes).subspan(at), embedding_->batch(), kTextsTogether);
    BOOST_OUTCOME_TRY(embed_together(std::span(tokens).subspan(at, count), until, out));
    at += count;
  }
  return out;
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("the model runtime failed: {}", error.what()), "inference_failed"};
}

Result<> LlamaModel::embed_together(std::span<const PromptTokens> texts, const Until& until,
                                    std::vector<std::vector<float>>& out) {
  embedding_->clear();
  std::vector<Step> steps;
  for (std::size_t i = 0; i < texts.size(); ++i) append(steps, texts[i].tokens, 0, i);
  BOOST_OUTCOME_TRY(embedding_->decode(steps, until));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto vector =
        embedding_->embedding(static_cast<llama_seq_id>(i), static_cast<std::size_t>(info_.dimension));
    if (vector.empty())
      return Error{Code::internal, "the model runtime gave no embedding", "inference_failed"};
    if (!std::ranges::all_of(vector, [](float each) { return std::isfinite(each); })) return no_numbers();
    normalize(out.emplace_back(vector.begin(), vector.end()));
  }
  return success();
}

}  // namespace medsynth::inference::llama
