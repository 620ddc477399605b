"""Whether a figure can be read: texts apart, inside, large enough, the legend outside the data."""

from itertools import combinations

from matplotlib.text import Text

SMALLEST_PT = 7
# Letters have some air around them inside their box, in pixels.
_AIR = 0.5


def drawn_texts(figure, monkeypatch):
    """Texts that drawing a figure really draws: no tick labels beyond the ends of an axis."""
    found, draw = [], Text.draw

    def recorded(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            found.append(self)
        draw(self, renderer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", recorded)
        figure.draw_without_rendering()
        found.clear()
        figure.canvas.draw()
    return found


def boxes(texts):
    """Of the letters alone, without the line that leads from a name to its point."""
    return [(text.get_text(), Text.get_window_extent(text).padded(-_AIR)) for text in texts]


def faults(figure, monkeypatch):
    """What is wrong with a figure, a line each."""
    texts = drawn_texts(figure, monkeypatch)
    placed, page = boxes(texts), figure.bbox.padded(1)
    found = [
        f"{one!r} and {other!r} overlap"
        for (one, box), (other, another) in combinations(placed, 2)
        if box.overlaps(another)
    ]
    found += [
        f"{text!r} is cut at the edge"
        for text, box in placed
        if not (page.containsx(box.x0) and page.containsx(box.x1))
        or not (page.containsy(box.y0) and page.containsy(box.y1))
    ]
    small = {text.get_text() for text in texts if text.get_fontsize() < SMALLEST_PT}
    found += [f"{text!r} is too small" for text in sorted(small)]
    for legend in figure.legends:
        if any(legend.get_window_extent().overlaps(axes.bbox) for axes in figure.axes):
            found.append("the legend lies over data")
    return found
