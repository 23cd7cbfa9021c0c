"""Holds the tables of `polyseme export --format parquet` against its JSON lines, by pandas: parquet_tables.py TABLES LINES"""

import json
import sys

import numpy
import pandas

tables, lines = sys.argv[1:]
units, features, examples = (
    pandas.read_parquet(f"{tables}/{name}.parquet") for name in ("units", "features", "examples")
)
with open(lines, encoding="utf-8") as file:
    study = json.loads(file.readline())["study"]
    expected = [json.loads(line) for line in file]

assert json.load(open(f"{tables}/study.json", encoding="utf-8"))["contentHash"] == study["contentHash"]
assert len(units) == len(expected) > 1000, len(units)
assert len(features) == sum(len(unit["features"]) for unit in expected)
assert len(examples) == sum(unit["examples"] for unit in expected)


def same(value, wanted, what):
    if wanted is None:
        assert pandas.isna(value), (what, value)
    else:
        assert value == wanted, (what, value, wanted)


ROW = {"bank": "bank", "index": "unit"}
for row, unit in zip(units.itertuples(index=False), expected, strict=True):
    for name, wanted in unit.items():
        if not isinstance(wanted, (list, dict)) and hasattr(row, ROW.get(name, name)):
            same(getattr(row, ROW.get(name, name)), wanted, (unit["bank"], unit["index"], name))

wanted_features = [(unit, feature) for unit in expected for feature in unit["features"]]
for row, (unit, feature) in zip(features.itertuples(index=False), wanted_features, strict=True):
    assert (row.bank, row.unit, row.feature) == (unit["bank"], unit["index"], feature["id"])
    assert list(row.words) == feature["words"]
    same(row.name, feature["name"] and feature["name"]["text"], (unit["bank"], unit["index"]))
    assert (row.size, row.central, row.meanActivation) == (
        feature["size"],
        feature["central"],
        feature["meanActivation"],
    )

wanted_examples = [
    (unit, feature, example)
    for unit, feature in wanted_features
    for example in feature["examples"]
]
for row, (unit, feature, example) in zip(examples.itertuples(index=False), wanted_examples, strict=True):
    assert (row.bank, row.unit, row.feature, row.example) == (
        unit["bank"],
        unit["index"],
        feature["id"],
        example["id"],
    )
    assert (row.document, row.context, row.position) == tuple(
        example[name] for name in ("document", "context", "position")
    )
    assert list(row.tokens) == example["tokens"]
    assert list(row.special) == example["special"]
    assert numpy.array_equal(row.activations, numpy.float32(example["activations"]))

KEYS = ["bank", "unit", "feature"]
counted = examples.groupby(KEYS).size()
assert (counted == features.set_index(KEYS)["size"].loc[counted.index]).all()
print(f"pandas {pandas.__version__}: {len(units)} units, {len(features)} features, {len(examples)} examples as in the JSON lines")
