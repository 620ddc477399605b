import pytest

from sentscale.references import read_published


@pytest.fixture
def tables(root):
    return root / "workflow/resources/paper_tables.tsv"


def test_the_paper_on_a_template_with_and_without_its_period(tables):
    found = read_published(tables, "dev", "spearman_all", "STSB-dev")
    assert dict(zip(found.method, found.value, strict=True)) == {
        "prompt, template ending in a period": 73.44,
        "prompt, same template without the period": 33.89,
    }
    assert set(found.model) == {"BERT-base"}
    assert set(found.adapter) == {""}


def test_averages_and_gains_are_not_mixed(tables):
    found = read_published(tables, "sts", "spearman_all", "Avg.")
    tuned = found[(found.model == "OPT") & (found.adapter == "cse")]
    assert dict(zip(tuned.parameters, tuned.value, strict=True)) == {
        "1.3B": 84.79, "2.7B": 85.62, "6.7B": 85.82, "13B": 85.97,
    }  # fmt: skip
    assert not found.method.str.contains("minus").any()


def test_a_suite_that_nobody_published_is_empty(tables):
    assert read_published(tables, "sample", "spearman_all", "Avg.").empty
