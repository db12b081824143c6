"""Small copies of each data set."""

import pytest

from tests.fakes.datasets import (
    write_celebamask_hq,
    write_cofw,
    write_depth,
    write_helen,
    write_lapa,
    write_part_labels,
)  # fmt: skip
from tests.fakes.parts import write_parts
from tests.fakes.training import write_labels

WRITE = {
    "cofw": write_cofw,
    "part-labels": write_part_labels,
    "celebamask-hq": write_celebamask_hq,
    "lapa": write_lapa,
    "helen": write_helen,
    "folder": write_labels,
    "parts": write_parts,
    "celebamask-hq-d": lambda folder: write_depth(write_celebamask_hq(folder)),
    "lapa-d": lambda folder: write_depth(write_lapa(folder)),
    "helen-d": lambda folder: write_depth(write_helen(folder)),
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Each kind's folder, read only."""
    return {kind: write(tmp_path_factory.mktemp("sets") / kind) for kind, write in WRITE.items()}
