"""Tools around the loop: the benchmark, the doctor, the demo."""
