"""peer.py FOLDER UNITS DRAWN EXAMPLES WIDTH fastcluster|scipy|sklearn"""
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import child

folder, units, drawn, n, d, what = sys.argv[1:]
units, drawn, n, d = int(units), int(drawn), int(n), int(d)
try:
    import numpy as np

    if what == "sklearn":
        from sklearn.cluster import AgglomerativeClustering
        from sklearn.metrics.pairwise import cosine_distances
    else:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import pdist
    if what == "fastcluster":
        import fastcluster
except ImportError as error:
    child.missing(error)

inputs = np.fromfile(f"{folder}/inputs", dtype=np.float32).reshape(drawn, n, d)
weights = np.fromfile(f"{folder}/weights", dtype=np.float32).reshape(drawn, d)
upper = np.triu_indices(n, 1)
flat = upper[0] * n + upper[1]


def by_fastcluster(e):
    e /= np.sqrt(np.einsum("ij,ij->i", e, e))[:, None]
    distances = np.clip(1 - (e @ e.T).ravel()[flat].astype(np.float64), 0, 2)
    return distances, fcluster(fastcluster.linkage(distances, "average"), 0.5, "distance")


def by_scipy(e):
    distances = pdist(e, "cosine")
    return distances, fcluster(linkage(distances, "average"), 0.5, "distance")


def by_sklearn(e):
    square = cosine_distances(e)
    # sklearn merges below its threshold, the others up to it.
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=np.nextafter(0.5, 1)
    )
    return square.ravel()[flat], clustering.fit_predict(square)


split = {"fastcluster": by_fastcluster, "scipy": by_scipy, "sklearn": by_sklearn}[what]


def run():
    found = dict(clusters=[], mean=[], within=[], between=[])
    for i in range(units):
        unit = i % drawn
        distances, labels = split(inputs[unit] * weights[unit])
        clusters = int(np.unique(labels).size)
        same = labels[upper[0]] == labels[upper[1]]
        total, inside, pairs = distances.sum(), distances[same].sum(), same.sum()
        between = (total - inside) / (same.size - pairs) if pairs < same.size else 0
        most = distances.max()
        if i < drawn:
            found["clusters"].append(clusters)
            found["mean"].append(float(total / same.size))
            found["within"].append(float(inside / pairs) if pairs else 0)
            found["between"].append(float(between))
    return found


names = {"sklearn": "scikit-learn"}
child.answer(version(names.get(what, what)), run)
