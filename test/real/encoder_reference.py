"""Compares what encoder.mjs found with transformers in float64: folder/found.json and folder/SITE.f32."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel

folder = Path(sys.argv[1])
found = json.loads((folder / "found.json").read_text())
model = AutoModel.from_pretrained(found["dir"], attn_implementation="eager").eval()
SITES = {
    "mlp.hook_in": lambda layer: (layer.intermediate.dense, "in"),
    "mlp.hook_pre": lambda layer: (layer.intermediate.dense, "out"),
    "mlp.hook_post": lambda layer: (layer.output.dense, "in"),
    "hook_mlp_out": lambda layer: (layer.output.dense, "out"),
    "hook_normalized_resid_post": lambda layer: (layer.output.LayerNorm, "out"),
}
values = {}
for number, layer in enumerate(model.encoder.layer):
    for name, place in SITES.items():
        module, side = place(layer)
        site = f"blocks.{number}.{name}"
        module.register_forward_hook(
            lambda _, x, y, site=site, side=side: values.__setitem__(site, (x[0] if side == "in" else y)[0])
        )


def forward(tokens):
    with torch.no_grad():
        model(input_ids=torch.tensor([tokens]))
    return dict(values)


def difference(a, b):
    return ((a.double() - b).abs() / b.abs().clamp(min=1)).max().item()


rough = [forward(row) for row in found["rows"]]
model.double()
exact = [forward(row) for row in found["rows"]]
longest = max(map(len, found["rows"]))
worst = float32 = 0.0
for site in found["sites"]:
    own = torch.frombuffer(bytearray((folder / f"{site}.f32").read_bytes()), dtype=torch.float32)
    own = own.reshape(len(found["rows"]), longest, -1)
    for i, row in enumerate(found["rows"]):
        worst = max(worst, difference(own[i, : len(row)], exact[i][site]))
        float32 = max(float32, difference(rough[i][site], exact[i][site]))

peaks = {(one["layer"], one["unit"]): [] for one in found["examples"]}
for number, tokens in enumerate(found["contexts"]):
    seen = forward(tokens)
    text = torch.tensor([token not in found["specials"] for token in tokens])
    for layer, unit in peaks:
        activations = seen[f"blocks.{layer}.mlp.hook_post"][:, unit].masked_fill(~text, -torch.inf)
        position = int(activations.argmax())
        peaks[layer, unit].append((float(activations[position]), number, position))
wrong = []
for one in found["examples"]:
    best = [peak for peak in peaks[one["layer"], one["unit"]] if peak[0] > 0]
    best.sort(key=lambda peak: (-peak[0], peak[1]))
    best = best[: found["most"]]
    same = [number for _, number, _ in best] == one["context"] and [at for _, _, at in best] == one["position"]
    near = all(abs(a - b) <= 1e-4 * max(1, abs(a)) for (a, _, _), b in zip(best, one["activation"]))
    if not (same and near):
        wrong.append({"expected": best, "found": one})
(folder / "compared.json").write_text(json.dumps({"worst": worst, "float32": float32, "wrong": wrong}))
