"""Telephone numbers as the world writes them, by way of Google's libphonenumber; none leaves but through the gate of
fs_app.domain.phone."""

from __future__ import annotations

import phonenumbers

from fs_app.domain.phone import normalise_number
from fs_app.errors import InvalidInput


def check_country(text: str, field: str = "country") -> str:
    """The ISO 3166 code in capitals. Raises InvalidInput naming ``field``."""
    country = text.strip().upper()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidInput(field, "not a country code: give two letters (ISO 3166), such as FR or US")
    return country


def international(number: str, country: str, field: str = "phonenumber") -> str:
    """The number in international form (E.164), read as somebody in ``country`` would dial it.

    Without a country, and when what results would be no number of its country (short codes, extensions), it stays as
    it is written.

    >>> international("06 12 34 56 78", "FR")
    '+33612345678'
    >>> international("112", "FR"), international("0612345678", "")
    ('112', '0612345678')

    Raises InvalidInput naming ``field`` for what is no number.
    """
    plain = normalise_number(number, field)
    parsed = _parse(plain, country)
    if parsed is None:
        return plain
    return normalise_number(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), field)


def spellings(number: str, country: str = "") -> tuple[str, ...]:
    """The ways in which one number may be stored: with and without the international prefix, and as it is dialled
    within ``country``.

    >>> spellings("+15550100001")
    ('15550100001', '+15550100001', '0015550100001')
    >>> spellings("0612345678", "FR")
    ('33612345678', '+33612345678', '0033612345678', '0612345678', '612345678')
    """
    parsed = _parse(number, country)
    whole = number if parsed is None else phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    digits = whole.removeprefix("+").removeprefix("00")
    found = [digits, f"+{digits}", f"00{digits}"]
    if parsed is not None and country in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ()):
        national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        found.append("".join(filter(str.isdigit, national)))
        found.append(phonenumbers.national_significant_number(parsed))
    return tuple(dict.fromkeys([*found, number]))


def _parse(number: str, country: str) -> phonenumbers.PhoneNumber | None:
    """None without a country, and for what is no whole number of any."""
    if not country:
        return None
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    return parsed if phonenumbers.is_possible_number(parsed) else None
