"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for matrices and convolutions, AdamW for the rest: on
a small budget it learns in about half the steps of AdamW alone."""

import torch


class Muon(torch.optim.Optimizer):
    """Steps along the momentum with all its singular values made about equal. A convolution counts as the matrix
    [out, in*height*width]."""

    def __init__(self, params, lr, momentum=0.95, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            of = {}  # by shape: a device is quicker with many matrices at once
            for p in group["params"]:
                if p.grad is not None:
                    of.setdefault((len(p), p[0].numel()), []).append(p)
            for (rows, columns), matrices in of.items():
                gradients = [p.grad for p in matrices]
                for p in matrices:
                    if not self.state[p]:
                        self.state[p]["momentum"] = torch.zeros_like(p)
                momenta = [self.state[p]["momentum"] for p in matrices]
                torch._foreach_mul_(momenta, group["momentum"])
                torch._foreach_add_(momenta, gradients)
                directions = torch._foreach_add(gradients, momenta, alpha=group["momentum"])
                steps = orthogonal(torch.stack([d.reshape(rows, columns) for d in directions]))
                torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(matrices, [s.reshape(p.shape) for p, s in zip(matrices, steps)],
                                    alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def orthogonal(g):
    """About the nearest matrices to g [n, rows, columns] with orthonormal rows or columns, by five quintic Newton-Schulz iterations."""
    wide = g if g.shape[1] <= g.shape[2] else g.mT
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if g.shape[1] <= g.shape[2] else x.mT


class Both:
    """Muon for the matrices inside the network, AdamW for everything else; rates are set together, each a share of its peak."""

    def __init__(self, named_parameters, muon_lr, adam_lr, weight_decay=0.0, adam_names=("embedding",)):
        matrices, others = [], []
        for name, p in named_parameters:
            if p.ndim >= 2 and p.numel() > 2000 and not any(n in name for n in adam_names):
                matrices.append(p)
            else:
                others.append(p)
        self.parts = [Muon(matrices, muon_lr, weight_decay=weight_decay),
                      torch.optim.AdamW(others, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.0)]
        self.peaks, self.params = [muon_lr, adam_lr], matrices + others

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def step(self, share):
        """Takes a step with a share (0 to 1) of the peak rates."""
        for part, peak in zip(self.parts, self.peaks):
            for group in part.param_groups:
                group["lr"] = share * peak
            part.step()

    def state_dict(self):
        return [p.state_dict() for p in self.parts]

    def load_state_dict(self, states):
        for part, state in zip(self.parts, states):
            part.load_state_dict(state)
