"""Targets as recorded facts have them: who assigned which, who holds it now, and which were withdrawn."""

from typing import Any

from tests.oracle.facts import ENDS, Fact
from tests.oracle.judge.organisations import Organisations

Aim = tuple[Any, ...]


def aim(data: dict[str, Any]) -> Aim:
    """What no two active targets of one organisation share."""
    return tuple(data[member] for member in ("metric", "basis", "issuer_id", "from", "to"))


class Targets:
    """All that were assigned, after some facts in timeline order."""

    def __init__(self, organisations: Organisations) -> None:
        self.organisations = organisations
        self.assigned: dict[str, dict[str, Any]] = {}
        """id → {"to": organisation, "by": its holder, or None where it stands no more, "withdrawn", "data"}."""
        self.passed_over: set[tuple[str, str, str]] = set()
        """(source, id, organisation) of facts whose rule failed on the timeline of their organisation."""

    def fits(self, fact: Fact) -> bool:
        """Whether what an organisation says of a target goes with what it said before."""
        target_id, own = fact["data"]["target_id"], self._own(fact["subject"])
        if fact["name"] != "TargetAssigned":
            return target_id not in own or not own[target_id]["withdrawn"]
        equal = [each for each in own.values() if aim(each["data"]) == aim(fact["data"]) and not each["withdrawn"]]
        return target_id not in own and not equal

    def _own(self, organisation: str) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in self.assigned.items() if each["to"] == organisation}

    def holds(self, organisation: str, target_id: str) -> bool:
        """Whether an organisation holds a target, its own or one that it took over."""
        return target_id in self.assigned and self.assigned[target_id]["by"] == organisation

    def took_over(self, organisation: str, data: dict[str, Any]) -> bool:
        """Whether an organisation took over a target for the same metric, basis, issuer and period."""
        held = [each for each in self.assigned.values() if each["by"] == organisation != each["to"]]
        return any(aim(each["data"]) == aim(data) for each in held)

    def apply(self, fact: Fact) -> None:
        """Go on by one fact."""
        name, data = fact["name"], fact["data"]
        if name in ENDS:
            ending = data["sources"] if name == "OrganisationsMerged" else [fact["subject"]]
            for organisation in ending:
                if self.organisations.ended_by.get(organisation) is fact:
                    self._hand_on(organisation, fact)
        elif name.startswith("Target") and self.organisations.fits(fact):
            if not self.fits(fact):
                self.passed_over.add((fact["source"], fact["id"], fact["subject"]))
            elif name == "TargetAssigned":
                new = {"to": fact["subject"], "by": fact["subject"], "withdrawn": False, "data": data}
                self.assigned[data["target_id"]] = new
            elif name == "TargetWithdrawn" and self.holds(fact["subject"], data["target_id"]):
                target = self.assigned[data["target_id"]]
                target |= {"by": None, "withdrawn": target["to"] == fact["subject"]}

    def _hand_on(self, organisation: str, fact: Fact) -> None:
        heir = self.organisations.holder(organisation, fact["day"])
        merging = fact["data"].get("targets", "keep")
        for target in self.assigned.values():
            if target["by"] != organisation:
                continue
            asked = (aim(target["data"]), target["data"]["comparison"])
            added_up = merging == "sum" and any(
                each["by"] == heir and (aim(each["data"]), each["data"]["comparison"]) == asked
                for each in self.assigned.values()
            )
            target["by"] = None if merging == "void" or added_up or heir == organisation else heir
