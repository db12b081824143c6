"""Data sets in their published layouts, and our own: `docs/datasets.md` says where each comes from.

Each import below registers the kinds of its module. A new kind needs one more.
"""

from train.datasets import (
    celebamask_hq,  # noqa: F401
    cofw,  # noqa: F401
    folder,  # noqa: F401
    helen,  # noqa: F401
    lapa,  # noqa: F401
    part_labels,  # noqa: F401
    parts_folder,  # noqa: F401
)
from train.datasets.base import DataSet, Example
from train.datasets.crops import on_picture, region_of, superpixels_on_crop, to_crop
from train.datasets.registry import READERS, Reader, open_data, open_dataset

__all__ = [
    "READERS",
    "DataSet",
    "Example",
    "Reader",
    "on_picture",
    "open_data",
    "open_dataset",
    "region_of",
    "superpixels_on_crop",
    "to_crop",
]
