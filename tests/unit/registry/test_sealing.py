"""A seal opens with its own key, person and event only, and its looks say nothing about what it seals."""

import base64
import itertools
from typing import Any
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from services.registry.sealing import Sealer, Unsealable
from shared.events.person import Profile
from tests.given import new_uuid

PERSON, EVENT = new_uuid(), UUID(int=7)
KEY = AESGCMSIV.generate_key(256)
SEALER = Sealer(b"m" * 32)


def sealed(profile: Any) -> str:
    return SEALER.seal(profile, KEY, PERSON, EVENT)


def test_all_profiles_are_sealed_at_one_length() -> None:
    codes = (None, "a", "0123456789/" * 5 + "012345678")
    assert len(codes[-1] or "") == 64
    profiles: list[dict[str, Any]] = [
        {
            "sex": sex,
            "birth_year": 1987,
            "ethnic_minority": yes,
            "occupation": code,
            "schooling": code,
            "youth_union": yes,
        }
        for sex, yes, code in itertools.product(("female", "male", None), (True, False, None), codes)
    ]
    assert all(msgspec.convert(profile, Profile) for profile in profiles)

    assert len({len(sealed(profile)) for profile in (*profiles, {})}) == 1


@pytest.mark.parametrize("profile", [{}, {"sex": "female"}, {"occupation": "ĐẶC BIỆT " * 100}, "text ", [1, None]])
def test_what_was_sealed_is_what_opens(profile: Any) -> None:
    assert SEALER.open(sealed(profile), KEY, PERSON, EVENT) == profile


def test_a_seal_does_not_open_for_another_person_event_or_key() -> None:
    for key, person, event in (
        (AESGCMSIV.generate_key(256), PERSON, EVENT),
        (KEY, new_uuid(), EVENT),
        (KEY, PERSON, UUID(int=8)),
    ):
        with pytest.raises(Unsealable):
            SEALER.open(sealed({"sex": "male"}), key, person, event)


def test_a_seal_from_before_they_had_one_length_opens() -> None:
    nonce = b"n" * 12
    blob = nonce + AESGCMSIV(KEY).encrypt(nonce, b'{"sex":"male"}', f"{PERSON}|{EVENT}".encode())
    assert SEALER.open("sealed:v1:" + base64.urlsafe_b64encode(blob).decode(), KEY, PERSON, EVENT) == {
        "sex": "male"
    }
