"""The transformer and its text encoder: the layers and the names of tensors of LlamaGen's caption models
(autoregressive/models/gpt.py) and of T5 v1.1's encoder, small. The encoder learns first, apart (text.py)."""

import torch
from torch import nn
from torch.nn import functional as F

GRID = 16
TOKENS = GRID * GRID


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


TEXT_HEADS = 2  # heads of each layer that look at the caption alone


def linear(n_in, n_out):
    return nn.Linear(n_in, n_out, bias=False)


class T5Encoder(nn.Module):
    """features [n, t, width] of ids [n, t] that are padded on the left; real is the mask of the ids that are there.

    Only differences of positions count, so padding on the left changes nothing."""

    BUCKETS, MAX_DISTANCE = 32, 128

    def __init__(self, vocab, width=192, layers=2, heads=6, head=32, hidden=480):
        super().__init__()
        self.heads, self.head, self.width, self.hidden, self.layers = heads, head, width, hidden, layers
        self.shared = nn.Embedding(vocab, width)
        self.encoder = nn.Module()
        self.encoder.block = nn.ModuleList()
        for i in range(layers):
            attention, mlp = nn.Module(), nn.Module()
            attention.SelfAttention = nn.Module()
            for name in "qkv":
                setattr(attention.SelfAttention, name, linear(width, heads * head))
            attention.SelfAttention.o = linear(heads * head, width)
            if i == 0:
                attention.SelfAttention.relative_attention_bias = nn.Embedding(self.BUCKETS, heads)
            attention.layer_norm = RMSNorm(width, 1e-6)
            mlp.DenseReluDense = nn.Module()
            mlp.DenseReluDense.wi_0, mlp.DenseReluDense.wi_1 = linear(width, hidden), linear(width, hidden)
            mlp.DenseReluDense.wo = linear(hidden, width)
            mlp.layer_norm = RMSNorm(width, 1e-6)
            block = nn.Module()
            block.layer = nn.ModuleList([attention, mlp])
            self.encoder.block.append(block)
            # There is no 1/sqrt(head) in T5's attention: it lies in the start of q.
            nn.init.normal_(attention.SelfAttention.q.weight, std=(width * head) ** -0.5)
        self.encoder.final_layer_norm = RMSNorm(width, 1e-6)
        nn.init.normal_(self.shared.weight, std=1.0)
        nn.init.normal_(self.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight, std=0.1)

    def bias(self, t, device):
        at = torch.arange(t, device=device)
        d = at[None, :] - at[:, None]  # key - query
        far = 8 + (torch.log(d.abs().clamp(min=1) / 8) / torch.log(torch.tensor(self.MAX_DISTANCE / 8)) * 8).long()
        bucket = torch.where(d.abs() < 8, d.abs(), far.clamp(max=15)) + 16 * (d > 0)
        return self.encoder.block[0].layer[0].SelfAttention.relative_attention_bias(bucket).permute(2, 0, 1)

    def forward(self, ids, real):
        n, t = ids.shape
        mask = self.bias(t, ids.device)[None] + torch.where(real[:, None, None], 0.0, -1e9)
        x = self.shared(ids)
        for block in self.encoder.block:
            attention, mlp = block.layer
            h, a = attention.layer_norm(x), attention.SelfAttention
            q, k, v = (f(h).view(n, t, self.heads, self.head).transpose(1, 2) for f in (a.q, a.k, a.v))
            h = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
            x = x + a.o(h.transpose(1, 2).reshape(n, t, -1))
            h, d = mlp.layer_norm(x), mlp.DenseReluDense
            x = x + d.wo(F.gelu(d.wi_0(h), approximate="tanh") * d.wi_1(h))
        return self.encoder.final_layer_norm(x)


def rotary_table(head):
    """cos and sin [TOKENS, head/2] of the image tokens' positions: the first half of the pairs turns by row, the second by column."""
    half = head // 2
    frequency = 10000.0 ** (-torch.arange(0, half, 2).float() / half)
    at = torch.arange(GRID).float()[:, None] * frequency
    angle = torch.cat([at[:, None].expand(GRID, GRID, -1), at[None].expand(GRID, GRID, -1)], dim=-1).reshape(TOKENS, half)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """x [n, t, heads, head], in interleaved pairs."""
    a, b = x[..., 0::2], x[..., 1::2]
    cos, sin = cos[:, None], sin[:, None]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


class Layer(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.heads = heads
        self.attention, self.feed_forward = nn.Module(), nn.Module()
        self.attention.wqkv, self.attention.wo = linear(dim, 3 * dim), linear(dim, dim)
        self.feed_forward.w1, self.feed_forward.w3, self.feed_forward.w2 = linear(dim, hidden), linear(dim, hidden), linear(hidden, dim)
        self.attention_norm, self.ffn_norm = RMSNorm(dim, 1e-5), RMSNorm(dim, 1e-5)

    def forward(self, x, cos, sin, mask):
        n, t, dim = x.shape
        q, k, v = self.attention.wqkv(self.attention_norm(x)).view(n, t, 3, self.heads, -1).unbind(2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        h = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask)
        x = x + self.attention.wo(h.transpose(1, 2).reshape(n, t, dim))
        h, f = self.ffn_norm(x), self.feed_forward
        return x + f.w2(F.silu(f.w1(h)) * f.w3(h))


class Transformer(nn.Module):
    """logits [n, tokens, codes] of image tokens, one a row of inputs that predicts one (see plan)."""

    def __init__(self, vocab, codes=1024, dim=256, layers=8, heads=8, hidden=704, prefix=32, text=None):
        super().__init__()
        self.prefix, self.heads = prefix, heads
        self.text = T5Encoder(vocab, **(text or {}))
        self.tok_embeddings = nn.Embedding(codes, dim)
        self.cls_embedding = nn.Module()
        self.cls_embedding.cap_proj = nn.Module()
        self.cls_embedding.cap_proj.fc1, self.cls_embedding.cap_proj.fc2 = linear(self.text.width, dim), linear(dim, dim)
        self.cls_embedding.uncond_embedding = nn.Parameter(torch.randn(prefix, self.text.width) * 0.5)
        self.layers = nn.ModuleList(Layer(dim, heads, hidden) for _ in range(layers))
        self.norm, self.output = RMSNorm(dim, 1e-5), linear(dim, codes)
        self.hidden_embedding = nn.Parameter(torch.randn(dim) * 1.5)  # of tokens that training hides; never exported
        nn.init.normal_(self.tok_embeddings.weight, std=1.5)
        for layer in self.layers:
            nn.init.zeros_(layer.attention.wo.weight)
            nn.init.zeros_(layer.feed_forward.w2.weight)
        nn.init.zeros_(self.output.weight)
        self.hold_text_heads()
        cos, sin = rotary_table(dim // heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    @torch.no_grad()
    def hold_text_heads(self, held=None):
        """Makes some heads of each layer look at the caption alone; to be called after every step of an optimizer. held is what
        the method held gives, for callers that keep it.

        The keys of the prefix are zero, so every query gives them the logit 0, and among 200 image tokens a caption is hardly
        heard. Heads that only start out listening soon stop, because at first there is more to learn from other tokens. So these
        are held: one channel of all token embeddings is constant and no layer writes to it, and these heads' queries and keys
        read it alone, with opposite signs, in the pair of channels that rotary positions turn least. All image tokens get
        logits of about -10. The strength grows with the layers because their norms divide by a residual stream that grows."""
        for parameter, part, value in held or self.held():
            parameter[part] = value

    def held(self):
        """What hold_text_heads sets and nothing learns: parameters, parts of them, and the values of these."""
        dim = self.tok_embeddings.weight.shape[1]
        head = dim // self.heads
        still = head // 2 - 2
        yield self.tok_embeddings.weight, (slice(None), 0), 24.0
        yield self.hidden_embedding, 0, 24.0
        for i, layer in enumerate(self.layers):
            yield layer.attention_norm.weight, 0, 1.0
            yield layer.attention.wo.weight, 0, 0.0
            yield layer.feed_forward.w2.weight, 0, 0.0
            for start, sign in ((0, 1), (dim, -1)):
                rows = torch.zeros(TEXT_HEADS, head, dim, device=layer.attention.wqkv.weight.device)
                rows[:, still, 0] = sign * (0.8 + 0.9 * i / len(self.layers))
                yield layer.attention.wqkv.weight, slice(start, start + TEXT_HEADS * head), rows.view(-1, dim)

    def captions(self, ids, real, unconditional):
        """The prefix [n, p, dim] of caption ids [n, p], padded on the left; p may be less than the model's prefix. Rows that are
        unconditional get the features of no caption under their caption's mask."""
        features = self.text(ids, real)
        none = self.cls_embedding.uncond_embedding[self.prefix - ids.shape[1]:]
        features = torch.where(unconditional[:, None, None], none, features) * real[..., None]
        project = self.cls_embedding.cap_proj
        return project.fc2(F.gelu(project.fc1(features), approximate="tanh"))

    def forward(self, prefix, real, tokens, plan, hidden=None):
        """prefix and real are those of captions; tokens [n, TOKENS] the picture; plan which inputs see which (see Plan); hidden
        [n, TOKENS] which tokens may not be read."""
        n, p, _ = prefix.shape
        inputs = self.tok_embeddings(tokens[:, plan.token])
        if hidden is not None:
            inputs = torch.where(hidden[:, plan.token, None], self.hidden_embedding, inputs)
        x = torch.cat([prefix, inputs], dim=1)
        # Prefix positions have cos = sin = 0, as in the official models: their keys and queries are zero.
        cos = F.pad(self.cos[plan.position], (0, 0, p, 0))
        sin = F.pad(self.sin[plan.position], (0, 0, p, 0))
        t = x.shape[1]
        mask = torch.zeros(n, 1, t, t, dtype=torch.bool, device=x.device)
        mask[:, 0, :p, :p] = torch.ones(p, p, dtype=torch.bool, device=x.device).tril() & real[:, None]
        mask[:, 0, range(p), range(p)] = True  # a padding position sees itself
        mask[:, 0, p:, :p] = real[:, None]
        mask[:, 0, p:, p:] = plan.sees
        if x.is_cuda:
            # As CUDA's kernels for attention want it, or they would convert and copy it in every layer: what is added to the logits,
            # each row a multiple of 16 long in memory.
            kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else x.dtype
            bias = torch.zeros(n, 1, t, -(-t // 16) * 16, dtype=kind, device=x.device)[..., :t]
            mask = bias.masked_fill_(~mask, -torch.inf)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.output(self.norm(x[:, p - 1:][:, plan.predicts]))


class Plan:
    """The inputs of one forward pass over a whole picture, as a decode with a ZipAR window would have fed them.

      token      which token each input is
      position   where it is fed
      sees       [inputs, inputs], which inputs an input sees
      predicts   for each token, which row of [last of the prefix, inputs...] predicts it

    With the window as wide as the grid this is next-token prediction. With a smaller one, a row's first token is predicted by a
    proxy: the token decoded last two rows up (one row up for the second row), fed where the row above will end.
    """

    def __init__(self, window, device="cpu"):
        rows, columns = GRID, GRID
        place = [(r, c) for r in range(rows) for c in range(columns)]
        if window >= columns:
            fed = list(range(TOKENS))
        else:
            fed = [r * window + c for r, c in place]  # the pass that decodes (r, c); it is fed in the next
        token, position, time = list(range(TOKENS - 1)), list(range(TOKENS - 1)), [f + 1 for f in fed[:-1]]
        until = [None] * (TOKENS - 1)  # the pass in which the real token replaces a proxy
        predicts = [0] + [i + 1 for i in range(TOKENS - 1)]
        if window < columns:
            for row in range(1, rows):
                source = (0, window - 1) if row == 1 else (row - 2, min(2 * window - 1, columns - 1))
                end = row * columns - 1
                predicts[row * columns] = len(token) + 1
                token.append(source[0] * columns + source[1])
                position.append(end)
                time.append(fed[row * columns])
                until.append(time[end])
        time_, position_ = torch.tensor(time), torch.tensor(position)
        until_ = torch.tensor([10**6 if u is None else u for u in until])
        sees = (time_[None] <= time_[:, None]) & (position_[None] <= position_[:, None]) & (until_[None] > time_[:, None])
        self.token, self.position = torch.tensor(token, device=device), position_.to(device)
        self.sees, self.predicts = sees.to(device), torch.tensor(predicts, device=device)
