"""Prints the table of quality_test.go: PSNR and SSIM of synthetic pictures,
computed by scikit-image (0.26).

    pip install scikit-image numpy
    python golden.py
"""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def picture(w, h, noise, shift):
    """Integer arithmetic only, as picture() in quality_test.go."""
    y, x, c = np.meshgrid(np.arange(h), np.arange(w) + shift, np.arange(3), indexing="ij")
    v = (x * 5 + y * 9 + c * 60 + (x // 8 + y // 6) % 2 * 90 + x * y // 4) % 311
    if noise:
        k = (x * 7919 + y * 104729 + c * 1299709 + 12345) % 65537
        k = k * k % 65537
        v = v + k % (2 * noise + 1) - noise
    return np.clip(v, 0, 255).astype(np.uint8)


def luma(rgb):
    return rgb @ np.array([0.299, 0.587, 0.114])


for w, h, noise, shift in [(24, 32, 0, 1), (64, 48, 3, 0), (64, 48, 40, 0), (50, 50, 200, 0), (11, 11, 10, 0), (40, 12, 12, 3), (33, 90, 0, 5)]:
    a, b = picture(w, h, 0, 0), picture(w, h, noise, shift)
    psnr = peak_signal_noise_ratio(a, b, data_range=255)
    # The settings under which it computes what Wang et al. (2004) define.
    ssim = structural_similarity(luma(a), luma(b), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    print(f"\t{{{w}, {h}, {noise}, {shift}, {psnr:.12g}, {ssim:.12g}}},")
