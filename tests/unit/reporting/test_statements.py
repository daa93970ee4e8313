"""Report statements: made of pieces, some of which are put otherwise for a part of a tree or a walk."""

import pytest

from services.reporting.reports.statements import CONTRIBUTIONS, OF_STEPS, asked_of, of_rest, walked
from services.reporting.reports.walks import WALKED


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
def test_whatever_is_asked_of_the_rest_of_a_tree_leaves_the_children_out_that_are_known(hierarchy: str) -> None:
    for contribution in CONTRIBUTIONS:
        for asked in asked_of(contribution):
            statement = of_rest(hierarchy, contribution, asked).text
            assert ":skipped" in statement
            assert "'*' FROM tree" not in statement


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
def test_a_walk_reads_what_is_walked_over_and_not_all_there_is(hierarchy: str) -> None:
    for contribution in WALKED:
        statement = walked(hierarchy, contribution).text
        assert "JOIN reporting.person_step" not in statement
        assert "JOIN reporting.spell_edge" not in statement
        assert contribution in OF_STEPS or ":after" in statement
