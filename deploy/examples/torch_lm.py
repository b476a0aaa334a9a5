"""A language model by PyTorch and transformers as a Millrace worker, on a GPU where there is one.

    pip install torch transformers gguf accelerate
    export PYTHONPATH=$PWD/worker/python
    millrace up --process "python3 deploy/examples/torch_lm.py MODEL"

MODEL is a folder with a model, its name on the Hugging Face hub, or a GGUF file such as
~/.cache/millrace/models/SmolLM2-135M-Instruct.Q4_1.gguf. A job is
{"model": "lm", "input": {"prompt": "Once upon a time", "max_tokens": 64}}. All prompts of a batch
are continued together; a row ends alone, at its own limit or when nobody waits for it any more.
"""

import itertools
import os
import sys

import torch
from millrace_worker import serve
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class EachRow(StoppingCriteria):
    """Asked after every step: which rows are over."""

    def __init__(self, batch, prompt_tokens):
        self.batch = batch
        self.prompt_tokens = prompt_tokens

    def __call__(self, tokens, scores, **_):
        made = tokens.shape[1] - self.prompt_tokens
        over = [item.cancelled or made >= limit_of(item) for item in self.batch]
        return torch.tensor(over, device=tokens.device)


class LanguageModel:
    def __init__(self, path):
        folder, file = os.path.split(path) if path.endswith(".gguf") else (path, None)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=file, dtype=torch.bfloat16).to(DEVICE).eval()
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token

    def handle(self, batch, context=None):
        prompts = self.tokenizer([item.input["prompt"] for item in batch], padding=True,
                                 return_tensors="pt").to(DEVICE)
        width = prompts.input_ids.shape[1]
        rows = self.model.generate(
            **prompts, do_sample=False, max_new_tokens=max(map(limit_of, batch)),
            stopping_criteria=[EachRow(batch, width)], pad_token_id=self.tokenizer.pad_token_id)
        outputs, sizes = [], prompts.attention_mask.sum(1).tolist()
        for item, size, row in zip(batch, sizes, rows[:, width:].tolist()):
            made = self.until_end(row[:limit_of(item)])
            text = self.tokenizer.decode(made, skip_special_tokens=True)
            outputs.append({"choices": [{"index": 0, "text": text}],
                            "usage": {"prompt_tokens": size, "completion_tokens": len(made)}})
        return outputs

    def until_end(self, tokens):
        ends = self.model.generation_config.eos_token_id
        ends = {ends} if isinstance(ends, int) else set(ends or ())
        return list(itertools.takewhile(lambda token: token not in ends, tokens))


def limit_of(item):
    return item.input.get("max_tokens", 16)


if __name__ == "__main__":
    serve(LanguageModel(sys.argv[1]).handle, models=["lm"], batch_max=64)
