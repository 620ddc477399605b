import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from sentscale.callouts import name_points


@pytest.fixture
def axes():
    figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
    axes.set(xlim=(0, 10), ylim=(0, 10))
    yield axes
    plt.close(figure)


def boxes(axes):
    axes.figure.draw_without_rendering()
    return {text.get_text(): Text.get_window_extent(text) for text in axes.texts}


def test_a_name_stands_above_and_left_of_its_point(axes):
    name_points(axes, [(5, 5)], ["one"], [])
    box, point = boxes(axes)["one"], axes.transData.transform((5, 5))
    assert box.x1 < point[0]
    assert box.y0 > point[1]
    assert point[0] - box.x1 < box.width
    assert axes.texts[0].arrow_patch is None


def test_names_of_one_place_touch_neither_each_other_nor_points(axes):
    names = [f"name {i}" for i in range(8)]
    name_points(axes, [(5, 5)] * 8, names, [(4, 6), (5, 6)])
    placed = list(boxes(axes).values())
    assert len(placed) == 8
    assert not any(a.overlaps(b) for i, a in enumerate(placed) for b in placed[:i])
    for point in [(5, 5), (4, 6), (5, 6)]:
        assert not any(box.contains(*axes.transData.transform(point)) for box in placed)
    # What is far from its point is joined to it.
    assert any(text.arrow_patch for text in axes.texts)


@pytest.mark.parametrize("corner", [(0, 0), (0, 10), (10, 0), (10, 10)])
def test_a_name_stays_inside_the_panel(axes, corner):
    name_points(axes, [corner], ["a longer name"], [])
    (box,) = boxes(axes).values()
    assert axes.bbox.contains(box.x0, box.y0)
    assert axes.bbox.contains(box.x1, box.y1)


@pytest.mark.slow
def test_where_there_is_no_room_every_name_is_written(axes):
    name_points(axes, [(5, 5)] * 60, [f"a longer name {i}" for i in range(60)], [])
    assert len(axes.texts) == 60
