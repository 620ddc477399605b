import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from sentscale.labels import LocalLabeller, tokens_of_words

PROMPT = 'This sentence : "{text}" means in one word:"'


@pytest.fixture(scope="module")
def labeller(tiny_model):
    return LocalLabeller(tiny_model("llama"), "fp32", PROMPT, 0, 1)


class Scripted:
    """A model whose next token after some ids is written down."""

    def __init__(self, labeller, monkeypatch, scores):
        self.vocabulary = labeller.tokenizer.get_vocab()
        self.names = {index: token for token, index in self.vocabulary.items()}
        self.scores = scores
        self.asked = []
        self.start = len(labeller.tokenizer(PROMPT.format(text="x")).input_ids)
        monkeypatch.setattr(labeller, "_logits", self.logits)

    def logits(self, ids):
        word = tuple(self.names[index] for index in ids[self.start :])
        self.asked.append(word)
        found = torch.full((len(self.vocabulary),), -100.0)
        for score, token in enumerate(reversed(self.scores[word])):
            found[self.vocabulary[token]] = score
        return found


def test_a_word_begins_with_letters_and_touches_the_quote(tiny_model):
    tokenizer = AutoTokenizer.from_pretrained(tiny_model("llama"))
    begins, goes_on = tokens_of_words(tokenizer, 400)  # wider than the vocabulary
    vocabulary = tokenizer.get_vocab()
    assert begins[vocabulary["a"]]
    assert goes_on[vocabulary["a"]]
    assert not begins[vocabulary["-"]]
    assert goes_on[vocabulary["-"]]
    for token in ('"', ".", "Ġ", "1", "</s>", "<s>"):
        assert not begins[vocabulary[token]]
        assert not goes_on[vocabulary[token]]
    assert not begins[len(vocabulary) :].any()


def test_a_word_goes_on_while_its_best_next_token_does(labeller, monkeypatch):
    script = {
        (): ["c", "d"],
        ("c",): ["a", '"'],
        ("c", "a"): ["t", "."],
        ("c", "a", "t"): ['"', "s"],
    }
    Scripted(labeller, monkeypatch, script)
    assert labeller.word("x", lambda word: True) == "cat"


def test_what_is_no_letter_never_begins_a_word(labeller, monkeypatch):
    Scripted(labeller, monkeypatch, {(): ['"', "Ġ", "1", "d"], ("d",): ["."]})
    assert labeller.word("x", lambda word: True) == "d"


def test_the_next_best_beginning_is_tried_where_a_word_is_not_usable(labeller, monkeypatch):
    model = Scripted(labeller, monkeypatch, {(): ["a", "b", "c"], ("a",): ["."], ("b",): ["."]})
    assert labeller.word("x", lambda word: word == "b") == "b"
    assert model.asked == [(), ("a",), ("b",)]  # and no more than needed


def test_without_a_usable_word_the_most_probable_one_is_told(labeller):
    told = []
    word = labeller.word("x", lambda word: bool(told.append(word)))
    assert word.isascii()
    assert word.replace("-", "").isalpha()
    assert len(set(told)) >= 2


def test_a_word_without_an_end_is_none(labeller, monkeypatch):
    endless = {("a",) * count: ["a"] for count in range(1, 20)}
    Scripted(labeller, monkeypatch, {(): ["a", "b"], ("b",): ["."]} | endless)
    assert labeller.word("x", lambda word: True) == "b"


def test_it_is_greedy(labeller):
    # By transformers' own generation, where that gives nothing but letters.
    ids = labeller.tokenizer(PROMPT.format(text="A man."), return_tensors="pt").input_ids
    logits = labeller.model(ids).logits[0, -1]
    first = int(logits.masked_fill(~labeller.begins, -torch.inf).argmax())
    longer = torch.cat([ids, torch.tensor([[first]])], dim=1)
    after = labeller.model.generate(
        longer, attention_mask=torch.ones_like(longer), max_new_tokens=8, do_sample=False
    )[0, longer.shape[1] :].tolist()
    word = labeller.tokenizer.convert_ids_to_tokens([first])
    for index in after:
        if not labeller.goes_on[index]:
            break
        word += labeller.tokenizer.convert_ids_to_tokens([index])
    assert labeller.word("A man.", lambda word: True) == "".join(word)


def test_a_body_without_its_head_finds_no_words(tiny_model, tmp_path):
    body = AutoModel.from_pretrained(tiny_model("llama"))
    body.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model("llama")).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"vocabulary head: lm_head\.weight"):
        LocalLabeller(tmp_path, "fp32", PROMPT, 0, 1)


def test_a_body_with_a_tied_head_does(tiny_model, tmp_path):
    body = AutoModel.from_pretrained(tiny_model("llama"))
    body.config.tie_word_embeddings = True
    body.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model("llama")).save_pretrained(tmp_path)
    assert LocalLabeller(tmp_path, "fp32", PROMPT, 0, 1).word("A man.", lambda word: True)


def test_a_model_that_attends_to_both_sides_finds_no_words(tiny_model):
    with pytest.raises(ValueError, match="bert: no causal language model"):
        LocalLabeller(tiny_model("bert"), "fp32", PROMPT, 0, 1)
