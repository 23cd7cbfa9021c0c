"""peer.py FOLDER D LATENTS BATCH K RATE GAMMA dense|gathered|embedding: steps of a top-k SAE in PyTorch, on CUDA where it is.

dense      the chosen activations scattered into [tokens, latents], decoded by one product
gathered   the decoder's rows of the chosen latents gathered, and summed
embedding  dense, with L_N over gathered pairs
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

try:
    import numpy as np
    import torch
    from torch.nn.functional import linear
except ImportError as error:
    child.missing(error)

folder, d, latents, n, k, lr, gamma, kind = sys.argv[1:]
d, latents, n, k = int(d), int(latents), int(n), int(k)
lr, gamma = float(lr), float(gamma)
STEPS = 10
device = "cuda" if torch.cuda.is_available() else "cpu"


def read(name, *shape):
    return torch.from_numpy(np.fromfile(f"{folder}/{name}", dtype=np.float32).reshape(shape)).to(device)


encoder = read("W_enc", d, latents).T.contiguous().requires_grad_()  # [latents, d]
decoder = read("W_dec", latents, d).requires_grad_()
b_enc = read("b_enc", latents).requires_grad_()
b_dec = read("b_dec", d).requires_grad_()
adam = torch.optim.Adam([encoder, decoder, b_enc, b_dec], lr=lr, fused=True)
seen = torch.zeros(latents, device=device)
mean = torch.zeros(latents, d, device=device)
x = read("batch", n, d)


def step():
    global mean, seen
    values, chosen = linear(x, encoder, b_enc - encoder @ b_dec).topk(k, dim=1)
    values = values.relu()
    if kind == "gathered":
        decoded = torch.einsum("nk,nkd->nd", values, decoder[chosen]) + b_dec
    else:
        z = torch.zeros(n, latents, device=device).scatter(1, chosen, values)
        decoded = torch.addmm(b_dec, z, decoder)
    mse = (decoded - x).pow(2).sum() / n
    loss, term = mse, torch.zeros((), device=device)
    if kind == "embedding":
        active = values.detach() > 0
        tokens = torch.arange(n, device=device)[:, None].expand(-1, k)[active]
        units = chosen[active]
        told = seen[units] > 0
        counted, of = tokens[told], units[told]
        h, hbar = (x - b_dec.detach())[counted], mean - b_dec.detach()
        w2 = encoder.square()
        weighed = hbar * w2
        product = (h * weighed[of]).sum(1)
        b = (h.square() * w2[of]).sum(1)
        a = (weighed * hbar).sum(1)[of]
        term = (1 - product * torch.rsqrt((a * b).clamp_min(1e-30))).sum() / n
        loss = loss + gamma * term
    adam.zero_grad()
    loss.backward()
    adam.step()
    if kind == "embedding":
        with torch.no_grad():
            sums = torch.zeros(latents, d, device=device).index_add_(0, units, x[tokens])
            counts = torch.bincount(units, minlength=latents).float()
            total = seen + counts
            mean += (sums - counts[:, None] * mean) / total.clamp_min(1)[:, None]
            seen = total
    return dict(mse=mse.item(), embedding=term.item())


def run():
    for _ in range(STEPS):
        last = step()
    return last


child.answer(f"{torch.__version__}, {device}", run)
