"""What steps learn, prepared by other processes while the device computes."""

import torch


def in_order(dataset, numbers, workers, device, ahead=8):
    """The items of a dataset with these numbers, in their order; each worker process prepares up to so many ahead."""
    return torch.utils.data.DataLoader(dataset, batch_size=None, sampler=numbers, num_workers=workers, pin_memory=device == "cuda",
                                       prefetch_factor=ahead if workers else None)
