"""The papers' claims, put to the test on data that is at hand: `unveil reproduce`.

`journal.py`, `runs.py` and `stats.py` know no paper: finished runs on disk, one short training, differences against the
spread of seeds. `consensus*.py` are the claims of Structure via Consensus; another paper's go beside them.
"""
