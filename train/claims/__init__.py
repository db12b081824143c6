"""Experiments that test the claims of two papers on other data: `unveil reproduce`.

`job.py` (the runs of an experiment), `journal.py` (their records on disk), `findings.py` (differences between variants,
against the spread of the seeds), `page.py` and `plots.py` serve every paper. `consensus/` holds the claims of Structure
via Consensus, `mutual/` those of Cross-Domain Mutual Learning.
"""
