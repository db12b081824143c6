"""Results of the first paper's experiments, as a job writes them."""

from train.claims.consensus import claims
from train.claims.consensus.plan import VARIANTS, Plan


def numbers(seeds=(0, 1, 2), **columns):
    """Results as a job writes them: `{variant: {column: a value for each seed}}`; what is not named is 50."""
    runs = []
    for variant in VARIANTS:
        for seed in seeds:
            values = dict.fromkeys(claims.COLUMNS, 50.0) | {
                column: by_seed[seed] for column, by_seed in columns.get(variant.name.replace("-", "_"), {}).items()
            }
            curve = [{"samples": samples, "sparsity": values["sparsity"]} for samples in (0, 4)]
            runs.append({"variant": variant.name, "seed": seed, "seconds": 1.0, "metrics": values, "curve": curve})
    return {
        "plan": Plan(seeds=len(seeds)).to_json(),
        "data": {"transfer_faces": 8, "small_set_faces": 2, "held_out_faces": 2, "held_out_sha256": "0"},
        "machine": {"cpu": "a processor", "cores": 2, "torch": "2"},
        "runs": runs,
    }
