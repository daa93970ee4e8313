"""What data each type of event has, as the catalogue of DOMAIN.md lists it: no more members, and no fewer."""

from typing import Any

SHAPES: dict[str, tuple[str, str, str]] = {
    # type: (kind of its subject, members that it must have, members that it may have)
    "OrganisationEstablished.v1": ("organisation", "name kind sector", "parent_id tags"),
    "OrganisationRenamed.v1": ("organisation", "name", ""),
    "OrganisationReclassified.v1": ("organisation", "", "kind sector tags"),
    "OrganisationReparented.v1": ("organisation", "parent_id", ""),
    "OrganisationsMerged.v1": ("organisation", "sources targets", ""),
    "OrganisationSplit.v1": ("organisation", "allocations", ""),
    "OrganisationDissolved.v1": ("organisation", "", "successor_id"),
    "OpeningBalanceDeclared.v1": ("organisation", "as_of official probationary", ""),
    "TargetAssigned.v1": (
        "organisation",
        "target_id metric basis issuer_id from to comparison value",
        "parent_target_id",
    ),
    "TargetRevised.v1": ("organisation", "target_id value reason", ""),
    "TargetWithdrawn.v1": ("organisation", "target_id reason", ""),
    "PeriodClosed.v1": ("organisation", "from to", ""),
    "PlaceRegistered.v1": ("place", "name kind organisation_id", "tags"),
    "PlaceCovered.v1": ("place", "shared", "cell_id"),
    "CandidateIdentified.v1": ("person", "organisation_id", "categories nominated_by profile"),
    "CandidateListed.v1": ("person", "", "resolution_ref"),
    "CandidateMoved.v1": ("person", "organisation_id", ""),
    "CandidateClosed.v1": ("person", "reason", ""),
    "MentorAssigned.v1": ("person", "mentor_id role", ""),
    "MentorReleased.v1": ("person", "mentor_id reason", ""),
    "MentorReportSubmitted.v1": ("person", "mentor_id period_from period_to rating", ""),
    "TrainingCompleted.v1": ("person", "certificate_ref issued_on", "class_id expires_on"),
    "TrainingCompleted.v2": ("person", "certificate", "class_id"),
    "ApplicationSubmitted.v1": ("person", "", "dossier_ref"),
    "IntroductionConfirmed.v1": ("person", "introducers", ""),
    "BackgroundVerified.v1": ("person", "outcome", ""),
    "VoteHeld.v1": ("person", "purpose level eligible in_favour round", ""),
    "DecisionIssued.v1": ("person", "purpose outcome decision_ref decided_on", "received_on"),
    "MemberAdmitted.v1": ("person", "organisation_id ceremony_on", "decision_ref categories profile"),
    "MemberConfirmed.v1": ("person", "official_from", ""),
    "MemberEnrolled.v1": ("person", "organisation_id status in_opening_balance", "admitted_on"),
    "TransferInitiated.v1": ("person", "from to kind", ""),
    "TransferAccepted.v1": ("person", "organisation_id presented_on", ""),
    "TransferCancelled.v1": ("person", "reason", ""),
    "MembershipEnded.v1": ("person", "reason", ""),
    "PersonsLinked.v1": ("person", "other_person_id", ""),
    "PersonErased.v1": ("person", "request_ref", ""),
    "FactCorrected.v1": ("", "corrects replacement reason", ""),
}
OPENING = (
    "OrganisationEstablished",
    "PlaceRegistered",
    "CandidateIdentified",
    "TrainingCompleted",
    "MemberEnrolled",
)
"""Facts that may be the first ones about their subject."""
SAME_DAY = {
    "MemberAdmitted": "ceremony_on",
    "MemberConfirmed": "official_from",
    "TransferAccepted": "presented_on",
    "OpeningBalanceDeclared": "as_of",
}
_NAMES = {each.partition(".")[0] for each in SHAPES}


def misshapen(event: dict[str, Any]) -> str | None:
    """The code of what is wrong with an event's type or data, whatever is on record."""
    if event["type"] not in SHAPES:
        return "unknown-version" if event["type"].partition(".")[0] in _NAMES else "unknown-type"
    kind = SHAPES[event["type"]][0]
    if kind and kind != event["subject"].partition("/")[0]:
        return "invalid-data"
    return "invalid-data" if not fitting(event["type"], event["data"], event["effectiveon"]) else None


def fitting(type_: str, data: dict[str, Any], effectiveon: str) -> bool:
    """Whether data has the members of its type, days in their order, and the day of the event where it must."""
    _, needed, possible = SHAPES[type_]
    given = set(data)
    if not set(needed.split()) <= given <= {*needed.split(), *possible.split()}:
        return False
    for first, last in (("from", "to"), ("period_from", "period_to")):
        if type_ not in ("TransferInitiated.v1",) and first in data and data[last] < data[first]:
            return False
    if type_ == "OrganisationReclassified.v1" and not any(data.values()):
        return False
    if type_ == "OrganisationsMerged.v1" and len(set(data["sources"])) < len(data["sources"]):
        return False
    same_day = SAME_DAY.get(type_.partition(".")[0])
    return same_day is None or data[same_day] == effectiveon
