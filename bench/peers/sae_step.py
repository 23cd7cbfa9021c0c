"""A dense PyTorch step of a ReLU SAE, for bench/sae-step.mjs: reads a kind of step a line, answers a line of JSON.

plain     forward, backward by autograd, torch.optim.Adam (fused)
dense     with L_N as dense products over all tokens and latents
gathered  with L_N over gathered active pairs

Written to be fast: weights as nn.Linear has them, b_dec folded into the encoder's bias (so that autograd needs no
product for the input's gradient), sparsity as a matrix-vector product; of several spellings of L_N of each kind the
fastest that was found.
"""
import json
import sys
import time

import numpy as np
import torch
from torch.nn.functional import linear

folder, d, latents, n, l1, lr, gamma, threads = sys.argv[1:]
d, latents, n, threads = int(d), int(latents), int(n), int(threads)
l1, lr, gamma = float(l1), float(lr), float(gamma)
torch.set_num_threads(threads)


def read(name, *shape):
    return torch.from_numpy(np.fromfile(f"{folder}/{name}", dtype=np.float32).reshape(shape))


class Sae:
    def __init__(self):
        self.encoder = read("W_enc", d, latents).T.contiguous().requires_grad_()  # [latents, d]
        self.decoder = read("W_dec", latents, d).requires_grad_()
        self.b_enc = read("b_enc", latents).requires_grad_()
        self.b_dec = read("b_dec", d).requires_grad_()
        parameters = [self.encoder, self.decoder, self.b_enc, self.b_dec]
        self.adam = torch.optim.Adam(parameters, lr=lr, fused=True)
        self.seen = torch.zeros(latents)
        self.mean = None

    def embedding_dense(self, x, z):
        counted = (z.detach() > 0) & (self.seen > 0)
        h, hbar = x - self.b_dec.detach(), self.mean - self.b_dec.detach()
        w2 = self.encoder.square()
        product = h @ (hbar * w2).T
        root_b = torch.rsqrt((h.square() @ w2.T).clamp_min(1e-30))
        root_a = torch.rsqrt((hbar.square() * w2).sum(1).clamp_min(1e-30))
        return (counted.sum() - (product * root_b * counted).sum(0) @ root_a) / n

    def embedding_gathered(self, x, z):
        tokens, units = self.active(z)
        counted = self.seen[units] > 0
        tokens, units = tokens[counted], units[counted]
        hbar = self.mean - self.b_dec.detach()
        h = (x - self.b_dec.detach())[tokens]
        w2 = self.encoder.square()
        weighed = hbar * w2
        product = (h * weighed.index_select(0, units)).sum(1)
        b = (h.square() * w2.index_select(0, units)).sum(1)
        a = (weighed * hbar).sum(1)[units]
        return (1 - product * torch.rsqrt((a * b).clamp_min(1e-30))).sum() / n

    def active(self, z):
        return (z.detach() > 0).nonzero(as_tuple=True)

    @torch.no_grad()
    def update_mean(self, kind, x, z):
        if kind == "dense":
            on = (z > 0).float()
            sums, counts = on.T @ x, on.sum(0)
        else:
            tokens, units = self.active(z)
            sums = torch.zeros(latents, d).index_add_(0, units, x[tokens])
            counts = torch.bincount(units, minlength=latents).float()
        total = self.seen + counts
        self.mean += (sums - counts[:, None] * self.mean) / total.clamp_min(1)[:, None]
        self.seen = total

    def step(self, kind, x):
        pre = linear(x, self.encoder, self.b_enc - self.encoder @ self.b_dec)
        z = pre.relu()
        error = torch.addmm(self.b_dec, z, self.decoder) - x
        mse = error.pow(2).sum() / n
        sparsity = (z @ self.decoder.norm(dim=1)).sum() / n
        loss = mse + l1 * sparsity
        embedding = torch.zeros(())
        if kind != "plain":
            if self.mean is None:
                self.mean = torch.zeros(latents, d)
            embedding = self.embedding_dense(x, z) if kind == "dense" else self.embedding_gathered(x, z)
            loss = loss + gamma * embedding
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        if kind != "plain":
            self.update_mean(kind, x, z)
        return dict(mse=mse.item(), sparsity=sparsity.item(), embedding=embedding.item(), z=z)


x = read("batch", n, d)
saes = {kind: Sae() for kind in ("plain", "dense", "gathered")}
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    kind = line.strip()
    start = time.perf_counter()
    seen = saes[kind].step(kind, x)
    seconds = time.perf_counter() - start
    l0 = (seen.pop("z") > 0).float().sum(1).mean().item()
    print(json.dumps(dict(seen, l0=l0, seconds=seconds)), flush=True)
