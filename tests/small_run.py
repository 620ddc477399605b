"""What a run of one encoder on one task leaves, for tests of the page about a run."""

from sentscale.files import write_json, write_text

PLACE = "m/cse/fp32/eol"
DIGEST = "ab" * 32
BENCHMARK = "s\tmax_rss\tcpu_time\n{}\t{}\t9.1\n"
PROMPT = 'He said: "<b>{text}</b>" & left'


def write_run(folder):
    """Write scores of one encoder on task T of suite dev, and what stands beside them."""
    about = {"rows": 7, "inputs": {"manifest": DIGEST}, "protocol": 2, "sha256": "cd" * 32}
    write_json(folder / f"embeddings/{PLACE}/dev.json", about)
    source = {"hub": {"repository": "o/m", "revision": "0" * 40}}
    write_json(folder / "models/m/manifest.json", {"source": source, "files": {"a": DIGEST}})
    adapter = {"training": {"recipe": {"seed": 42, "rank": 64}, "inputs": {"triplets": DIGEST}}}
    write_json(folder / "adapters/m/cse/manifest.json", adapter)
    write_json(folder / "representations/m/eol.json", {"template": PROMPT, "pooling": "last"})
    score = {
        "pairs": 5,
        "scores": {"spearman_all": {"value": 61.5, "low": 60, "high": 63}},
        "subsets": {"x": {"spearman": 1.0}},
        "bootstrap": {"resamples": 10, "confidence": 0.95, "seed": 1111},
        "inputs": {"pairs": DIGEST},
        "versions": {"python": "3.11.7", "scipy": "1.17.1"},
    }
    write_json(folder / f"scores/sts/{PLACE}/T.json", score)
    benchmark = BENCHMARK.format(90.4, 812.5)
    write_text(folder / f"benchmarks/embed_sentences/{PLACE}/dev.tsv", benchmark)
    about = {"pairs": 5, "licences": ["own"], "sha256": {"f": DIGEST}}
    write_json(folder / "datasets/T.json", about)
