"""Makes the checkpoints beside it and expected.json, what PyTorch says they hold.

    python3 make.py            (needs torch >= 1.13; nothing else)
    python3 make.py --golden ../../../testdata/golden    (also digests of the golden checkpoints)

expected.json: {file: {tensor: {"shape": [...], "dtype": "float32", "values": [...] in row-major order}}}; the values
of float16, bfloat16 and float64 are what .float() makes of them.
"""

import argparse
import collections
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile

import torch

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(7)
expected = {}


def values():
    return collections.OrderedDict(
        [("tok_embeddings.weight", torch.randn(5, 4)), ("norm.weight", torch.randn(4)), ("output.weight", torch.randn(5, 4))]
    )


def flat(t):
    t = t.detach()
    t = t.float() if t.is_floating_point() else t
    return [x if x == x and abs(x) != float("inf") else str(x) for x in t.contiguous().view(-1).tolist()]


def expect(name, sd):
    expected[name] = {
        k: {"shape": list(t.shape), "dtype": str(t.dtype).replace("torch.", ""), "values": flat(t)} for k, t in sd.items()
    }


def save(name, obj, sd, **kw):
    torch.save(obj, name, **kw)
    expect(name, sd)


def rezip(src, dst, change=lambda name, data: (name, data), extra=(), method=zipfile.ZIP_STORED, zip64=False):
    """Writes the zip src again, each entry through change."""
    with zipfile.ZipFile(src) as a, zipfile.ZipFile(dst, "w", method) as b:
        for name, data in [(i.filename, a.read(i)) for i in a.infolist()] + list(extra):
            name, data = change(name, data)
            with b.open(zipfile.ZipInfo(name) if method == zipfile.ZIP_STORED else name, "w", force_zip64=zip64) as f:
                f.write(data)


# Every place of the state dict, and what lies beside it.
sd = values()
layer = torch.nn.Linear(4, 3)
opt = torch.optim.AdamW(layer.parameters(), lr=1e-4)
layer(torch.ones(1, 4)).sum().backward()
opt.step()
beside = {
    "optimizer": opt.state_dict(),
    "steps": 300000,
    "args": argparse.Namespace(model="GPT-B", lr=1e-4, betas=(0.9, 0.95), ema=False, tags={"a", "b"}, n=1 << 80, note=b"\x00\xff"),
}
save("model.pt", {"model": sd, **beside}, sd)
ema = values()
save("ema.pt", {"model": sd, "ema": ema, "discriminator": layer.state_dict(), **beside}, sd)
expect("ema.pt#ema", ema)
save("module.pt", {"module": sd, "ds_version": "0.14", "lr_scheduler": None, "buffer_names": []}, sd)
save("state_dict.pt", {"epoch": 3, "state_dict": sd, "callbacks": {}}, sd)
save("toplevel.pt", sd, sd)
save("plaindict.pt", dict(sd), sd)
save("nested.pt", {"epoch": 1, "weights": {"inner": sd}}, {})

# Prefixes of wrappers.
for name, prefix in [("ddp", "module."), ("compiled", "_orig_mod."), ("both", "_orig_mod.module."), ("twice", "module._orig_mod.module.")]:
    save(f"prefix_{name}.pt", {"model": collections.OrderedDict((prefix + k, v) for k, v in sd.items())}, sd)
save("prefix_clash.pt", {"model": {"norm.weight": sd["norm.weight"], "module.norm.weight": sd["norm.weight"]}}, {})

# Element types.
x = torch.tensor([0.0, -0.0, 1.0, -1.5, 3.14159265, 65504.0, 6e-8, 1e-40, float("inf"), float("-inf"), float("nan"), 2049.0])
types_ = {
    "f32": x,
    "f16": x.half(),
    "bf16": x.bfloat16(),
    "f64": x.double() * 1.00000001,
    "i64": torch.arange(-2, 3),
    "i32": torch.arange(-2, 3, dtype=torch.int32),
    "i16": torch.arange(-2, 3, dtype=torch.int16),
    "i8": torch.arange(-2, 3, dtype=torch.int8),
    "u8": torch.arange(3, dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "c64": torch.zeros(2, dtype=torch.complex64),
}
torch.save({"model": types_}, "dtypes.pt")
expect("dtypes.pt", {k: v for k, v in types_.items() if v.is_floating_point()})

# Views: of one storage, transposed, with steps, in another order, without elements, without dimensions.
base = torch.arange(120.0).reshape(2, 3, 4, 5)
views = {
    "all": base,
    "part": base[1, 1:],
    "columns": base[..., 1:3],
    "steps": base[:, ::2, 1::2, ::3],
    "transposed": base.permute(3, 1, 0, 2),
    "t": torch.arange(6.0).reshape(2, 3).t(),
    "last": base[1, 2, 3, 4],
    "row": base[0, 0, 2],
    "channels_last": torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    "none": torch.zeros(3, 0, 2),
    "scalar": torch.tensor(2.5),
    "half_t": torch.arange(300).half().reshape(2, 150).t(),
    "wide_t": torch.arange(1200.0).reshape(4, 300)[:, :280].t(),
    "long_rows": torch.arange(1200.0).reshape(4, 300)[1:3, :260],
    "sparse": torch.arange(900.0)[::100],
}
save("views.pt", {"model": views}, views)
save("expanded.pt", {"model": {"x": torch.ones(1).expand(1000)}}, {})

# Parameters, tied weights, a subclass with attributes, buffers.
w = torch.nn.Parameter(torch.randn(2, 2))
tagged = torch.nn.Parameter(torch.randn(2))
tagged.note = "attribute"
params = {"a.weight": w, "b.weight": w, "c.bias": tagged, "step": torch.tensor(4)}
torch.save({"model": params, "names": ["a", "b"]}, "parameters.pt")
expect("parameters.pt", {k: v for k, v in params.items() if v.is_floating_point()})

for protocol in (1, 3, 4, 5):
    save(f"protocol{protocol}.pt", {"model": sd, **beside}, sd, pickle_protocol=protocol)

# What newer versions write: a byteorder entry, aligned storages, untyped storages, NumPy scalars, subclasses.
rezip("model.pt", "byteorder.pt", extra=[("model/byteorder", b"little"), ("model/.format_version", b"1"), ("model/.data/serialization_id", b"1" * 40)])
expected["byteorder.pt"] = expected["model.pt"]
rezip("model.pt", "bigendian.pt", extra=[("model/byteorder", b"big")])
rezip("model.pt", "zip64.pt", zip64=True)
expected["zip64.pt"] = expected["model.pt"]
rezip("model.pt", "otherfolder.pt", change=lambda n, d: (n.replace("model/", "some folder/archive/"), d))
expected["otherfolder.pt"] = expected["model.pt"]
rezip("model.pt", "compressed.pt", method=zipfile.ZIP_DEFLATED)
rezip("model.pt", "missing_storage.pt", change=lambda n, d: (n.replace("data/0", "data/zero"), d))


def module(name, **members):
    """A module that pickle can import, with stand-ins under the real names."""
    m = types.ModuleType(name)
    for k, v in members.items():
        v.__module__, v.__qualname__, v.__name__ = name, k, k
        setattr(m, k, v)
    sys.modules[name] = m
    return m


class Pid:
    """A storage, pickled as a persistent id."""

    def __init__(self, cls, key, count):
        self.id = ("storage", cls, key, "cpu", count)


class Call:
    """Pickled as the call of a function by its name."""

    def __init__(self, f, *args):
        self.reduced = (f, args)

    def __reduce__(self):
        return self.reduced


def write(name, obj, storages):
    out = io.BytesIO()
    p = pickle.Pickler(out, 2)
    p.persistent_id = lambda o: o.id if isinstance(o, Pid) else None
    p.dump(obj)
    with zipfile.ZipFile(name, "w") as z:
        z.writestr("archive/data.pkl", out.getvalue())
        z.writestr("archive/byteorder", "little")
        for key, data in storages.items():
            z.writestr(f"archive/data/{key}", data)
        z.writestr("archive/version", "3\n")


untyped = type("UntypedStorage", (), {})
module("torch.storage", UntypedStorage=untyped)
v2 = torch._utils._rebuild_tensor_v2
v3 = lambda: None
v3.__module__, v3.__qualname__, v3.__name__ = "torch._utils", "_rebuild_tensor_v3", "_rebuild_tensor_v3"
torch._utils._rebuild_tensor_v3 = v3
with_state = lambda: None
with_state.__module__, with_state.__qualname__, with_state.__name__ = "torch._utils", "_rebuild_parameter_with_state", "_rebuild_parameter_with_state"
torch._utils._rebuild_parameter_with_state = with_state
from_type = lambda: None
module("torch._tensor", _rebuild_from_type_v2=from_type)
scalar, npdtype = (lambda: None), type("dtype", (), {})
module("numpy"), module("numpy.core"), module("numpy.core.multiarray", scalar=scalar)
module("numpy", dtype=npdtype)
hooks = collections.OrderedDict()
f = [1.5, -2.25, 3.0, 4.0, 5.0, 6.5]
raw = struct.pack("<6f", *f)
new = {
    "v3": Call(v3, Pid(untyped, "0", 24), 1, (2, 2), (2, 1), False, hooks, torch.float32, None),
    "v3_sized": Call(v3, Pid(untyped, "0", 24), 0, torch.Size((6,)), (1,), False, hooks, torch.float32),
    "subclass": Call(from_type, v2, torch.nn.Parameter, (Pid(torch.FloatStorage, "1", 6), 0, (6,), (1,), False, hooks), {"x": 1}),
    "state": Call(with_state, Call(v2, Pid(torch.FloatStorage, "1", 6), 4, (2,), (1,), False, hooks), True, hooks, {"a": 1}),
    "meta": Call(v2, Pid(torch.FloatStorage, "1", 6), 0, (3, 2), (2, 1), False, hooks, {"conj": False}),
}
write("newer.pt", {"model": new, "best": Call(scalar, Call(npdtype, "f8", False, True), b"\x00" * 8), "kind": torch.bfloat16, "dev": torch.device("cpu")}, {"0": raw, "1": raw})
expected["newer.pt"] = {
    "v3": {"shape": [2, 2], "dtype": "float32", "values": f[1:5]},
    "v3_sized": {"shape": [6], "dtype": "float32", "values": f},
    "subclass": {"shape": [6], "dtype": "float32", "values": f},
    "state": {"shape": [2], "dtype": "float32", "values": f[4:]},
    "meta": {"shape": [3, 2], "dtype": "float32", "values": f},
}

# Files that are refused.
torch.save({"model": sd}, "legacy.pt", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), "wholemodule.pt")
torch.save({"model": torch.nn.Linear(2, 2)}, "wholemodule_in_dict.pt")
torch.save([1, 2, 3], "list.pt")
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), "script.pt")


class Evil:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


torch.save({"model": sd, "evil": Evil()}, "evil.pt")
expect("evil.pt", sd)

with open("expected.json", "w") as out:
    json.dump(expected, out)

cli = argparse.ArgumentParser()
cli.add_argument("--golden")
if folder := cli.parse_args().golden:
    digests = {}
    for name in ("c2i-tiny", "t2i-tiny", "vq-tiny"):
        h = hashlib.sha256()
        for k, t in torch.load(f"{folder}/{name}.pt", map_location="cpu")["model"].items():
            h.update(f"{k} {list(t.shape)} {t.dtype}\n".encode())
            h.update(struct.pack(f"<{t.numel()}f", *t.float().contiguous().view(-1).tolist()))
        digests[name + ".pt"] = h.hexdigest()
    with open("golden.json", "w") as out:
        json.dump(digests, out, indent=1)
