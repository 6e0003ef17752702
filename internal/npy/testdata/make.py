"""Makes the .npy and .npz files beside it: python3 make.py (needs numpy)."""

import warnings

import numpy as np

warnings.simplefilter("ignore")  # version 2 and 3 headers warn
c = np.arange(24, dtype=np.float64).reshape(2, 3, 4) / 8 - 1

np.save("f32.npy", c.astype("<f4"))
np.save("f16.npy", c.astype("<f2"))
np.save("f64.npy", c)
np.save("i32.npy", (c * 8).astype("<i4"))
np.save("i64.npy", (c * 8).astype("<i8"))
np.save("i64_wide.npy", np.array([1, 5_000_000_000]))
np.save("fortran_f32.npy", np.asfortranarray(c.astype("<f4")))
np.save("fortran_i64.npy", np.asfortranarray((c * 8).astype("<i8")))
np.save("scalar.npy", np.float32(1.5))
np.save("empty.npy", np.zeros((3, 0), "<f4"))
np.save("big_endian.npy", c.astype(">f4"))
np.save("bool.npy", c > 0)
np.save("objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save("structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
for major in (2, 3):
    with open(f"v{major}.npy", "wb") as f:
        np.lib.format.write_array(f, c.astype("<f4"), version=(major, 0))
np.savez("two.npz", a=c.astype("<f4"), b=(c * 8).astype("<i8"))
np.savez_compressed("deflated.npz", a=np.zeros((100, 100), "<f4"))
