import base64
import re
from urllib.parse import unquote
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml

from sentscale import exhibits
from sentscale.exhibits import Exhibit, figure_address, table_of_page
from sentscale.files import write_text
from sentscale.pages import table_page

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="10pt">
 <metadata>
  who made it
 </metadata>
 <!-- 135M -->
 <style>*{stroke: #123456}</style>
 <path d="M 0 1
L 2 3" style="fill: url(#a); width: 50%"/>
 <text>ρ &amp; "x"</text>
</svg>
"""


def test_a_figure_is_the_same_figure(tmp_path):
    write_text(tmp_path / "f.svg", SVG)
    address = figure_address(tmp_path / "f.svg")
    kind, _, body = address.partition(",")
    assert kind == "data:image/svg+xml"
    assert not set('"#%&\n') & set(body.replace("%", "")) - {"%"}
    drawn = ElementTree.fromstring(unquote(body))
    assert drawn.get("width") == "10pt"
    assert drawn[1].attrib == {"d": "M 0 1 L 2 3", "style": "fill: url(#a); width: 50%"}
    assert drawn[2].text == 'ρ & "x"'
    assert "metadata" not in body
    assert "135M" not in body


def page_of(tmp_path, table, notes=()):
    write_text(tmp_path / "t.html", table_page(table, "t", notes=notes))
    return tmp_path / "t.html"


def test_a_table_is_taken_from_its_page(tmp_path):
    table = pd.DataFrame({"model": ["<a>", "b"], "score": [1 / 3, float("nan")], "n": [2, 3]})
    found, notes = table_of_page(page_of(tmp_path, table, ["One.", "Two & more."]))
    assert found.startswith("<table><thead>")
    assert found.endswith("</table>")
    assert notes == "<p>One.</p><p>Two &amp; more.</p>"
    # Escaped; every digit where fewer are shown, for sorting; nothing is said twice.
    assert "<td>&lt;a&gt;</td>" in found
    assert f'<td class="number" data-value="{1 / 3}">0.33</td>' in found
    assert '<td class="number">2</td>' in found
    assert "script" not in found
    assert "div" not in found
    assert base64.b64encode(b"model").decode()[:6] not in found


def test_what_is_no_page_of_a_table_is_refused(tmp_path):
    write_text(tmp_path / "t.html", "<p>nothing</p>")
    with pytest.raises(ValueError, match=r"t\.html: not a page of one table"):
        table_of_page(tmp_path / "t.html")


def test_a_table_that_is_too_long_is_only_named(tmp_path, monkeypatch):
    table = pd.DataFrame({"model": ["a"] * 100})
    exhibit = Exhibit("s", "t", "c", page_of(tmp_path, table))
    assert exhibit.content.count("<tr>") == 101
    monkeypatch.setattr(exhibits, "MOST", 500)
    assert Exhibit("s", "t", "c", exhibit.path).content == ""


def test_an_exhibit_names_its_other_formats(tmp_path):
    for kind in ("svg", "pdf"):
        write_text(tmp_path / f"f.{kind}", SVG)
    figure = Exhibit("s", "t", "c", tmp_path / "f.svg")
    assert figure.is_figure
    assert figure.files == f"{tmp_path / 'f.svg'}, .pdf"
    alone = Exhibit("s", "t", "c", tmp_path / "bare.csv")
    assert (alone.files, alone.content) == (str(tmp_path / "bare.csv"), "")


def test_every_table_and_figure_has_words_on_the_page(root):
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    made = re.findall(r'"results/((?:tables|figures)(?:/\w+)?)/\{\w+\}\.(?:html|svg)"', rules)
    sections = yaml.safe_load((root / "workflow/report/index.yaml").read_text(encoding="utf-8"))
    words = {kind: told for kinds in sections.values() for kind, told in kinds.items()}
    assert sorted(words) == sorted(set(made))
    assert all("{name}" in one["title"] and one["caption"].endswith(".") for one in words.values())
