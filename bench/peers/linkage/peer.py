"""peer.py FOLDER NxREPEATS,… fastcluster|scipy"""
import sys
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

folder, laps, what = sys.argv[1:]
try:
    import numpy as np

    if what == "fastcluster":
        from fastcluster import linkage
    else:
        from scipy.cluster.hierarchy import linkage
except ImportError as error:
    child.missing(error)

sizes = [tuple(map(int, lap.split("x"))) for lap in laps.split(",")]
# Both work in float64: the conversion is not timed.
distances = {n: np.fromfile(f"{folder}/{n}", dtype=np.float32).astype(np.float64) for n, _ in sizes}


def run():
    found = dict(laps={}, sums={})
    for n, repeats in sizes:
        before, start = time.process_time(), time.perf_counter()
        for _ in range(repeats):
            tree = linkage(distances[n], "average")
        wall, cpu = time.perf_counter() - start, time.process_time() - before
        found["laps"][f"n = {n:,}"] = dict(cpu=cpu, wall=wall)
        found["sums"][n] = float(tree[:, 2].sum())
    return found


child.answer(version(what), run)
