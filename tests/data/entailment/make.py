"""Makes what lies beside it: a tiny entailment model, tokenizers of the three kinds, and what the libraries that invented
them say to some texts (cases.json). Needs onnx, tokenizers and sentencepiece; tests need none of them.

    pip install onnx==1.23.2 tokenizers==0.23.3 sentencepiece==0.2.3 && python make.py

The model counts the word "not": where one text has more of it than the other, it says contradiction. "damaged" makes it give
NaN, "endless" makes it compute for hours.
"""
import io
import json
import pathlib

import numpy
import onnx
import sentencepiece
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent

SENTENCES = """Aspirin reduces the risk of stroke.
Aspirin does not reduce the risk of stroke.
The drug is not effective in adults.
The new drug lowers blood pressure in older adults.
Vitamin D has no effect on bone density.
Damaged tissue heals slowly, an endless process.
Patients with diabetes had a higher risk (HR 1.42, 95% CI 1.10-1.83).
We don't know whether it's safe; they'll see.
Café visitors drank 250 ml of coffee a day.
Metformin was associated with weight loss in 1,204 patients.""".splitlines()

NAMES = "[SEP] [CLS] </s> <s> tokens of nobody"
TEXTS = SENTENCES + [
    "Café naïve ANGSTRÖM İstanbul",
    "Cafe\u0301 with an accent of its own",
    "\u4f60\u597d aspirin \u85ac",
    "unbelievablyhyperantidisestablishmentarian" * 4,
    "tabs\tand\nlines  and   spaces ",
    " a space in front",
    "95% p<0.001 (n=12) \u201cquoted\u201d \u2014 dash\u2026",
    "\u2460 \ufb01ne \uff21spirin \u00bd \u212b",
    "emoji \U0001f600 \u200bzero\u00adwidth \ufffd",
    NAMES,
    "it's we'll they've I'd  don't 'S",
    "\u0391\u03a3\u03a3 \u0645\u0631\u062d\u0628\u0627 \u043f\u0440\u0438\u0432\u0435\u0442",
    "1234567890 12.5mg/kg",
    "trailing spaces   ",
]
SHORT = [(SENTENCES[0], SENTENCES[1], 64), (SENTENCES[2], SENTENCES[6] + " " + SENTENCES[7], 24), (SENTENCES[6], SENTENCES[2], 21)]


def word_piece():
    made = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=220, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False)
    made.train_from_iterator(SENTENCES * 3 + ["not damaged endless"] * 30, trainer)
    words = {w for w in ("not", "damaged", "endless") if w in made.get_vocab()}
    assert len(words) == 3, words
    begin, end = made.token_to_id("[CLS]"), made.token_to_id("[SEP]")
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", begin), ("[SEP]", end)])
    return made


def byte_pair():
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    made.train_from_iterator(SENTENCES * 3, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", made.token_to_id("</s>")), ("<s>", made.token_to_id("<s>")))
    return made


def sentence_piece():
    rules = HERE / "rules.tsv"
    rules.write_text("\n".join("\t".join(" ".join(f"{ord(c):X}" for c in side) for side in rule)
                               for rule in [("\ufb01", "fi"), ("\uff21", "A"), ("\u00bd", "1/2"), ("e\u0301", "\u00e9"), ("\u212b", "\u00c5"),
                                            ("\t", " "), ("\n", " "), ("\u200b", "")]) + "\n")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3), model_writer=out, vocab_size=140, model_type="unigram", character_coverage=1.0,
        normalization_rule_tsv=str(rules), pad_id=0, bos_id=1, eos_id=2, unk_id=3, pad_piece="[PAD]", bos_piece="[CLS]",
        eos_piece="[SEP]", unk_piece="[UNK]", hard_vocab_limit=False, minloglevel=2)
    rules.unlink()
    (HERE / "unigram" / "spm.model").write_bytes(out.getvalue())
    made = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    from sentencepiece import sentencepiece_model_pb2 as proto
    parsed = proto.ModelProto.FromString(out.getvalue())
    hf = tokenizers.Tokenizer(models.Unigram([(p.piece, p.score) for p in parsed.pieces], unk_id=3))
    hf.normalizer = normalizers.Sequence([normalizers.Strip(), normalizers.Precompiled(parsed.normalizer_spec.precompiled_charsmap),
                                          normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    hf.pre_tokenizer = pre_tokenizers.Metaspace()
    hf.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    hf.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
    return made, hf


def without_special(tokenizer):
    """Its pieces alone: the names of special tokens in a text are text, as they are in ours."""
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = []
    return tokenizers.Tokenizer.from_str(json.dumps(file))


def cases(tokenizer, texts=TEXTS):
    plain = without_special(tokenizer)
    out = {"texts": [[text, plain.encode(text, add_special_tokens=False).ids] for text in texts], "pairs": []}
    for first, second, limit in SHORT:
        plain.enable_truncation(limit, strategy="longest_first")
        pair = plain.encode(first, second)
        out["pairs"].append([first, second, limit, pair.ids, pair.type_ids])
    return out


def model(vocabulary):
    size = max(vocabulary.values()) + 1
    weights = numpy.zeros((size, 1), numpy.float32)
    weights[vocabulary["not"]] = 1
    weights[vocabulary["damaged"]] = numpy.nan
    trips = numpy.zeros((size,), numpy.int64)
    trips[vocabulary["endless"]] = 10**12
    constant = lambda name, value: numpy_helper.from_array(numpy.array(value), name)
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["sum_in"], ["sum_out"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("sum_in", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, []), helper.make_tensor_value_info("sum_out", TensorProto.FLOAT, None)])
    node = helper.make_node
    nodes = [
        node("Gather", ["weights", "input_ids"], ["each"]),                 # n x tokens x 1
        node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        node("Mul", ["types", "two"], ["doubled"]), node("Sub", ["doubled", "one"], ["signs"]),
        node("Unsqueeze", ["signs", "last"], ["signed"]), node("Mul", ["each", "signed"], ["counted"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT), node("Unsqueeze", ["mask", "last"], ["masked"]),
        node("Mul", ["counted", "masked"], ["seen"]),
        node("ReduceSum", ["seen", "tokens"], ["sum"], keepdims=0),         # n x 1: second text minus first
        node("Gather", ["trips", "input_ids"], ["waits"]), node("ReduceMax", ["waits"], ["most"], keepdims=0),
        node("Loop", ["most", "true", "sum"], ["waited"], body=body),
        node("Abs", ["waited"], ["size"]), node("Mul", ["size", "six"], ["strong"]), node("Sub", ["strong", "three"], ["against"]),
        node("Neg", ["against"], ["for"]), node("Mul", ["waited", "zero"], ["neither"]),
        node("Mul", ["waited", "half"], ["lean"]), node("Add", ["against", "lean"], ["leaning"]),  # the two orders differ
        node("Concat", ["leaning", "for", "neither"], ["logits"], axis=1),
    ]
    f = numpy.float32
    graph = helper.make_graph(
        nodes, "entailment",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["pairs", "tokens_"]) for n in ("input_ids", "attention_mask", "token_type_ids")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", 3])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(trips, "trips"), constant("two", f(2)), constant("one", f(1)),
         constant("six", f(6)), constant("three", f(3)), constant("zero", f(0)), constant("half", f(.5)), constant("true", True),
         constant("last", numpy.array([2])), constant("tokens", numpy.array([1]))])
    out = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(out)
    return out


def main():
    for folder in ("unigram", "byte_pair", "model"):
        (HERE / folder).mkdir(exist_ok=True)
    words, bytes_ = word_piece(), byte_pair()
    spm, unigram = sentence_piece()
    save = lambda tokenizer, folder: (HERE / folder / "tokenizer.json").write_text(
        json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":")) + "\n")
    save(words, "model"), save(bytes_, "byte_pair"), save(unigram, "unigram")
    (HERE / "model" / "model.onnx").write_bytes(model(words.get_vocab()).SerializeToString())
    (HERE / "model" / "config.json").write_text(json.dumps(
        {"model_type": "bert", "max_position_embeddings": 512, "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1,
         "id2label": {"0": "contradiction", "1": "entailment", "2": "neutral"}}, indent=1) + "\n")
    (HERE / "cases.json").write_text(json.dumps(
        {"word_piece": cases(words), "byte_pair": cases(bytes_),
         # The names of special tokens are among its pieces.
         "unigram": cases(unigram, [each for each in TEXTS if each != NAMES]),
         "sentence_piece": {"texts": [[text, spm.encode(text)] for text in TEXTS], "pairs": []}}, separators=(",", ":")) + "\n")


main()
