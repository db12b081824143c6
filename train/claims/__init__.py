"""The papers' claims, put to the test on data that is at hand: `unveil reproduce`.

`journal.py`, `job.py`, `stats.py`, `findings.py`, `page.py` and `plots.py` know no paper: finished runs on disk, how
they are gone through, differences against the spread of seeds, and what is said of them. `consensus/` has the claims of
Structure via Consensus, `mutual/` those of Cross-Domain Mutual Learning.
"""
