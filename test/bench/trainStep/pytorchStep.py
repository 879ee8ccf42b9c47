"""The same model, loss and optimiser in PyTorch, written as one would there.

Prints its versions, then answers each line "FOLDER THREADS SECONDS" with the least milliseconds of a training step: forward, backward, the gradient's
norm clipped, AdamW (foreach, its default). The folder holds what sample.ts wrote; the first gradient goes there as gradient-pytorch.f32.
"""

import json
import math
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

print(json.dumps({"torch": torch.__version__, "python": sys.version.split()[0]}), flush=True)

QUANTILES = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]
MEDIAN = QUANTILES.index(0.5)
COLUMNS = len(QUANTILES) + 1
ROWS = 8
SPREAD_FLOOR = 0.1
MEAN_WEIGHT = 0.02


class Demand(torch.nn.Module):
    def __init__(self, sample, folder):
        super().__init__()
        self.sample = sample
        flat = torch.from_numpy(np.fromfile(folder / "parameters.f32", dtype=np.float32))
        self.names = [entry["name"] for entry in sample["manifest"]]
        self.weights = torch.nn.ParameterList()
        for entry in sample["manifest"]:
            count = math.prod(entry["shape"])
            values = flat[entry["offset"] : entry["offset"] + count].reshape(entry["shape"])
            self.weights.append(torch.nn.Parameter(values.clone()))
        for name, shape in sample["shapes"].items():
            values = np.fromfile(folder / f"{name}.f32", dtype=np.float32).reshape(shape)
            self.register_buffer(name, torch.from_numpy(values))
        matrix = torch.zeros(COLUMNS, COLUMNS)
        for quantile in range(len(QUANTILES)):
            matrix[0, quantile] = 1
            for down in range(quantile, MEDIAN):
                matrix[MEDIAN - down, quantile] = -1
            for up in range(MEDIAN + 1, quantile + 1):
                matrix[up, quantile] = 1
        matrix[COLUMNS - 1, COLUMNS - 1] = 1
        self.register_buffer("matrix", matrix)
        self.register_buffer("levels", torch.tensor(QUANTILES))

    def forward(self):
        p = dict(zip(self.names, self.weights))
        encoder = self.sample["encoder"]
        size, heads = encoder["hiddenSize"], encoder["attentionHeads"]
        count, past, future = (self.sample[name] for name in ("count", "pastPatches", "futurePatches"))

        def dense(x, name):
            return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])

        def normal(x, name):
            return F.layer_norm(x, (size,), p[f"{name}.weight"], p[f"{name}.bias"], 1e-12)

        def split(x):
            return x.reshape(count, -1, heads, size // heads).transpose(1, 2)

        fixed = dense(
            torch.cat([self.categories @ p["embedder.static.table.weight"], self.numbers], 1), "embedder.static.dense"
        )
        patches = dense(self.patches, "embedder.patch").reshape(count, past + future, size)
        cls = p["embedder.cls"].expand(count, 1, size)
        tokens = torch.cat([cls, fixed.unsqueeze(1), patches], 1)
        positions = p["bert.embeddings.position_embeddings.weight"][: 2 + past + future]
        kinds = p["bert.embeddings.token_type_embeddings.weight"]
        types = torch.cat([kinds[0].expand(2 + past, size), kinds[1].expand(future, size)])
        hidden = normal(tokens + (positions + types), "bert.embeddings.LayerNorm")
        for layer in range(encoder["layers"]):
            name = f"bert.encoder.layer.{layer}"
            # As ours: the head reads the future tokens alone.
            asking = hidden if layer < encoder["layers"] - 1 else hidden[:, -future:]
            seen = F.scaled_dot_product_attention(
                split(dense(asking, f"{name}.attention.self.query")),
                split(dense(hidden, f"{name}.attention.self.key")),
                split(dense(hidden, f"{name}.attention.self.value")),
                attn_mask=self.mask,
            )
            seen = seen.transpose(1, 2).reshape(count, -1, size)
            attended = normal(
                dense(seen, f"{name}.attention.output.dense") + asking, f"{name}.attention.output.LayerNorm"
            )
            inner = F.gelu(dense(attended, f"{name}.intermediate.dense"))
            hidden = normal(dense(inner, f"{name}.output.dense") + attended, f"{name}.output.LayerNorm")
        hidden = hidden.reshape(count * future, size)
        raw = dense(hidden, "demand.quantiles").reshape(-1, COLUMNS)
        shares = F.softmax(dense(hidden, "demand.mixture"), 1)
        each = self.anchors.reshape(count * future, ROWS, -1)
        level = (each * shares.unsqueeze(1)).sum(2).reshape(-1, 1)
        stepped = torch.cat([raw[:, :1], F.softplus(raw[:, 1:-1]), raw[:, -1:]], 1)
        forecast = level + (level + SPREAD_FLOOR) * (stepped @ self.matrix)
        missing = self.values - forecast
        quantiles = missing[:, :-1]
        above = (quantiles < 0).float() * self.exact
        below = (quantiles > 0).float()
        pinball = (below * self.levels * quantiles - above * (1 - self.levels) * quantiles).mean(1, True)
        mean = missing[:, -1:]
        counted = torch.maximum((mean > 0).float(), self.exact)
        return ((pinball + MEAN_WEIGHT * mean.square() * counted) * self.weights_).sum()


for line in sys.stdin:
    folder_name, threads, seconds = line.rsplit(" ", 2)
    folder = Path(folder_name)
    torch.set_num_threads(int(threads))
    sample = json.loads((folder / "sample.json").read_text())
    sample["shapes"]["weights_"] = sample["shapes"].pop("weights")
    (folder / "weights_.f32").write_bytes((folder / "weights.f32").read_bytes())
    model = Demand(sample, folder)
    loss = model()
    loss.backward()
    np.concatenate([weight.grad.numpy().ravel() for weight in model.weights]).astype(np.float32).tofile(
        folder / "gradient-pytorch.f32"
    )
    decayed = [weight for weight in model.weights if weight.dim() >= 2]
    others = [weight for weight in model.weights if weight.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=1e-3
    )
    times = []
    began = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - began < float(seconds):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(1000 * (time.perf_counter() - start))
    print(
        json.dumps(
            {
                "loss": loss.item(),
                "leastMs": min(times),
                "medianMs": sorted(times)[len(times) // 2],
                "steps": len(times),
                "peakRssBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        ),
        flush=True,
    )
