import json

import numpy as np
import pytest
from paper_grid import read_config
from plot_geometry import main as draw_geometry
from plot_spectra import main as draw_spectra

from sentscale.figures import Plot
from sentscale.geometry_panels import plot_geometry
from sentscale.measures import geometry_table
from sentscale.spectra import cumulated, plot_spectra, read_spectra

SETTINGS = {
    "suite": "mine",
    "tasks": ["A"],
    "metric": "spearman_all",
    "models": {
        "small": {"parameters": 125_000_000, "family": "OPT"},
        "large": {"parameters": 1_300_000_000, "family": "OPT"},
    },
    "representations": ["avg", "eol"],
    "style": read_config()["figures"]["style"],
}
NAMES = ("model", "adapter", "precision", "representation")
GEOMETRY = {
    "mean_cosine": 0.9,
    "effective_rank": 12.0,
    "first_component": 0.5,
    "alignment": 0.2,
    "uniformity": -1.5,
    "spectrum": [0.5, 0.3, 0.2],
}


@pytest.fixture
def write(tmp_path):
    """Function that writes what is measured of encoders; the paths."""

    def written(encoders):
        paths = []
        for encoder, changes in encoders.items():
            named = dict(zip(NAMES, encoder.split("/"), strict=True))
            paths.append(tmp_path / encoder / "mine.json")
            paths[-1].parent.mkdir(parents=True)
            paths[-1].write_text(json.dumps(GEOMETRY | {"encoder": named} | changes))
        return paths

    return written


def plot():
    return Plot.from_settings(SETTINGS)


def lines(axes):
    return [line.get_xydata().tolist() for line in axes.lines]


def test_measures_are_drawn_against_size_and_against_each_other(write):
    encoders = {
        "large/none/fp32/eol": {"mean_cosine": 0.3, "effective_rank": 50, "uniformity": -2},
        "small/none/fp32/eol": {},
    }
    cosine, rank, plane = plot_geometry(geometry_table(write(encoders)), plot()).axes
    assert lines(cosine) == [[[125e6, 0.9], [1.3e9, 0.3]]]
    assert lines(rank) == [[[125e6, 12], [1.3e9, 50]]]
    assert rank.get_yscale() == "log"
    # One line from the smaller to the larger model, with a marker for each.
    assert lines(plane) == [[[-1.5, 0.2], [-2, 0.2]], [[-1.5, 0.2]], [[-2, 0.2]]]
    small, large = plane.lines[1:]
    assert small.get_markersize() < large.get_markersize()
    assert cosine.get_title(loc="left") == "OPT, fp32"


def test_each_group_of_encoders_has_a_row_and_columns_share_their_axes(write):
    encoders = {"small/none/fp32/eol": {}, "small/cse/fp32/eol": {"mean_cosine": 0.1}}
    axes = plot_geometry(geometry_table(write(encoders)), plot()).axes
    assert len(axes) == 6
    assert [one.get_title(loc="left") for one in axes[::3]] == ["OPT, fp32", "OPT, cse, fp32"]
    assert axes[0].get_ylim() == axes[3].get_ylim()
    assert axes[2].get_xlim() == axes[5].get_xlim()


def test_what_no_encoder_has_is_left_out(write):
    # Transfer suites have no pairs, so no alignment.
    encoders = {"small/none/fp32/eol": {"alignment": None, "uniformity": None}}
    axes = plot_geometry(geometry_table(write(encoders)), plot()).axes
    assert [one.get_ylabel() for one in axes] == ["Mean cosine", "Effective rank"]


def test_a_spectrum_is_drawn_as_shares_of_the_first_components(write):
    encoders = {"small/none/fp32/avg": {}, "small/cse/fp32/avg": {"spectrum": [0.4, 0.3, 0.3]},
                "small/cse-published/fp32/avg": {"spectrum": [0.6, 0.4]},
                "large/none/fp32/avg": {}}  # fmt: skip
    axes = plot_spectra(read_spectra(write(encoders)), plot()).axes
    # A panel for each adapter, those of models as they come first.
    assert [one.get_title(loc="left") for one in axes] == [
        "small (125M)", "large (1.3B)", "small (125M)\ncse", "small (125M)\ncse-published",
    ]  # fmt: skip
    small, large, adapted, published = (line for one in axes for line in one.lines)
    assert small.get_xydata().tolist() == [[1, 0.5], [2, 0.8], [3, 1.0]]
    assert large.get_ydata().tolist() == pytest.approx([0.5, 0.8, 1.0])
    assert adapted.get_ydata().tolist() == pytest.approx([0.4, 0.7, 1.0])
    assert published.get_ydata().tolist() == pytest.approx([0.6, 1.0])
    assert len({one.get_xlim() for one in axes}) == 1


def test_of_a_quantised_encoder_only_what_has_no_twin_is_drawn(write):
    encoders = {
        "small/none/fp32/eol": {},
        "small/none/nf4/eol": {"spectrum": [1.0]},
        "small/none/nf4/avg": {"spectrum": [0.6, 0.4]},
    }
    (axes,) = plot_spectra(read_spectra(write(encoders)), plot()).axes
    assert [line.get_ydata()[0] for line in axes.lines] == [0.5, 0.6]


def test_a_long_spectrum_is_drawn_with_few_points_evenly_spaced():
    places, shares = cumulated(np.full(4096, 1 / 4096))
    assert len(places) < 61
    assert (places[0], places[-1]) == (1, 4096)
    assert shares.tolist() == pytest.approx(places / 4096)
    assert np.diff(np.log(places[20:])).max() < 0.2


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"spectrum": []}, "spectrum is empty or not in descending order"),
     ({"spectrum": [0.3, 0.7]}, "spectrum is empty or not in descending order")],
)  # fmt: skip
def test_a_broken_spectrum_is_named(write, changes, message):
    with pytest.raises(ValueError, match=rf"mine\.json: {message}"):
        read_spectra(write({"small/none/fp32/eol": changes}))


@pytest.mark.parametrize("main", [draw_geometry, draw_spectra])
def test_the_commands_write_every_format(main, write, tmp_path):
    encoders = ["small/none/fp32/eol", "large/none/fp32/eol"]
    write({encoder: {} for encoder in encoders})
    out = [tmp_path / "a.svg", tmp_path / "a.pdf"]
    main(
        ["--measures", str(tmp_path), "--encoders", *encoders,
         "--settings", json.dumps(SETTINGS), "--out", *map(str, out)]
    )  # fmt: skip
    assert all(path.stat().st_size > 1000 for path in out)
