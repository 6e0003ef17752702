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
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].mul_(group["momentum"]).add_(p.grad)
                direction = (p.grad + group["momentum"] * state["momentum"]).reshape(len(p), -1)
                step = orthogonal(direction)
                scale = max(1, step.shape[0] / step.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(step.reshape(p.shape), alpha=-group["lr"] * scale)


def orthogonal(g):
    """About the nearest matrix to g with orthonormal rows or columns, by five quintic Newton-Schulz iterations."""
    wide = g if g.shape[0] <= g.shape[1] else g.t()
    x = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        a = x @ x.t()
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x if g.shape[0] <= g.shape[1] else x.t()


class Both:
    """Muon for the matrices inside the network, AdamW for everything else; rates are set together, each a share of its peak.

    Parameters with one of slow_names in their name learn by AdamW at a rate of their own."""

    def __init__(self, named_parameters, muon_lr, adam_lr, weight_decay=0.0, adam_names=("embedding",), slow_names=(), slow_lr=0.0):
        matrices, others, slow = [], [], []
        for name, p in named_parameters:
            if any(n in name for n in slow_names):
                slow.append(p)
            elif p.ndim >= 2 and p.numel() > 2000 and not any(n in name for n in adam_names):
                matrices.append(p)
            else:
                others.append(p)
        adam = {"betas": (0.9, 0.98), "weight_decay": 0.0}
        self.parts, self.peaks = [Muon(matrices, muon_lr, weight_decay=weight_decay), torch.optim.AdamW(others, lr=adam_lr, **adam)], [muon_lr, adam_lr]
        if slow:
            self.parts.append(torch.optim.AdamW(slow, lr=slow_lr, **adam))
            self.peaks.append(slow_lr)
        self.params = matrices + others + slow

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
