"""all-MiniLM-L6-v2, a BERT that makes a vector of a sentence, in numpy and on one core."""

import json
import os
import pathlib
import struct

# One core a process: several processes share the machine better than several threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy
from tokenizers import Tokenizer

CACHE = os.environ.get("MILLRACE_CACHE") or pathlib.Path.home() / ".cache/millrace"
# The folder that deploy/fetch-minilm.sh fills, or any other with model.safetensors and
# tokenizer.json.
FOLDER = pathlib.Path(os.environ.get("MINILM") or pathlib.Path(CACHE) / "minilm/model")
LAYERS, HEADS, TOKENS_MAX = 6, 12, 256


def read_weights(path):
    """safetensors: the length of a JSON header, the header, and the numbers it describes."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    return {name: numpy.frombuffer(data, "<f4", offset=8 + size + entry["data_offsets"][0],
                                   count=int(numpy.prod(entry["shape"]))).reshape(entry["shape"])
            for name, entry in header.items() if entry.get("dtype") == "F32"}


def erf(x):
    """Abramowitz and Stegun 7.1.26, right to 1.5e-7."""
    t = 1 / (1 + 0.3275911 * numpy.abs(x))
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 +
                t * (-1.453152027 + t * 1.061405429))))
    return numpy.sign(x) * (1 - poly * numpy.exp(-x * x))


class Bert:
    def __init__(self, folder=FOLDER):
        self.weights = read_weights(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(TOKENS_MAX)
        self.tokenizer.enable_padding()

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        x = x - x.mean(-1, keepdims=True)
        x = x / numpy.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
        return x * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, name, x, mask):
        def heads(which):
            y = self.linear(f"{name}.self.{which}", x)
            return y.reshape(*y.shape[:2], HEADS, -1).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / query.shape[-1] ** 0.5 + mask
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        mixed = scores / scores.sum(-1, keepdims=True) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        return self.norm(f"{name}.output.LayerNorm", self.linear(f"{name}.output.dense", mixed) + x)

    def embed(self, texts):
        """A unit vector for each text, and how many tokens each has."""
        encoded = self.tokenizer.encode_batch(texts)
        ids = numpy.array([e.ids for e in encoded])
        present = numpy.array([e.attention_mask for e in encoded], "f4")
        mask = (present[:, None, None, :] - 1) * 1e9
        x = (self.weights["embeddings.word_embeddings.weight"][ids] +
             self.weights["embeddings.position_embeddings.weight"][:ids.shape[1]] +
             self.weights["embeddings.token_type_embeddings.weight"][0])
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            x = self.attention(f"{name}.attention", x, mask)
            y = self.linear(f"{name}.intermediate.dense", x)
            y = y * 0.5 * (1 + erf(y / 2 ** 0.5))
            x = self.norm(f"{name}.output.LayerNorm", self.linear(f"{name}.output.dense", y) + x)
        pooled = (x * present[:, :, None]).sum(1) / present.sum(1, keepdims=True)
        vectors = pooled / numpy.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors, present.sum(1).astype(int)
