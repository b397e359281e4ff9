"""What tags become, language by language: words a native speaker would say, and figures for messages."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fs_app.domain import tags
from fs_app.domain.tags import fill
from fs_app.words import Facts, spoken, written

PARIS = ZoneInfo("Europe/Paris")
# 14:30 UTC is half past three on the clocks of Paris.
EVENT = Facts(
    {
        "n": "21",
        "many": "231",
        "place": "3",
        "first": "1",
        "sum": "12.05",
        "half": "3.5",
        "less": "-2",
        "code": "a1-B2",
        "born": "1961-03-01",
        "other": "2026-03-01 13:05",
        "late": "2026-03-01T23:30:00-08:00",
        "name": "Ann {event_at}",
    },
    PARIS,
    datetime(2026, 3, 3, 14, 30, tzinfo=UTC),
    datetime(2026, 3, 3, 15, 0, tzinfo=UTC),
    "+15550100001",
    date(2026, 2, 25),
)

SAID = {
    "en": {
        "event_at": "Tuesday, March third at three thirty PM",
        "event_end_time": "four PM",
        "event_day": "Tuesday",
        "phone_number": "one, five five five, zero one zero, zero zero zero one",
        "n:number": "twenty-one",
        "half:number": "three point five",
        "place:ordinal": "third",
        "code:digits": "A one, B two",
        "sum:money:USD": "twelve dollars and five cents",
        "born:date": "March first, nineteen sixty-one",
        "other:date": "Sunday, March first",
        "other:time": "one oh five PM",
        "late:date": "Monday, March second",
        "late:time": "eight thirty AM",
    },
    "en-GB": {"event_at": "Tuesday the third of March at three thirty PM"},
    "es": {
        "event_at": "martes tres de marzo a las quince horas y treinta minutos",
        "n:number:m": "veintiún",
        "n:number:f": "veintiuna",
        "many:number:f": "doscientas treinta y una",
        "half:number": "tres coma cinco",
        "place:ordinal:m": "tercer",
        "first:ordinal:f": "primera",
        "sum:money:EUR": "doce euros con cinco céntimos",
        "born:date": "primero de marzo de mil novecientos sesenta y uno",
    },
    "es-US": {"event_time": "tres y treinta de la tarde", "other:time": "una y cinco de la tarde"},
    "fr": {
        "event_at": "mardi trois mars à quinze heures trente",
        "other:date": "dimanche premier mars",
        "n:number:f": "vingt et une",
        "half:number": "trois virgule cinq",
        "first:ordinal:f": "première",
        "sum:money:EUR": "douze euros et cinq centimes",
        "born:date": "premier mars mille neuf cent soixante et un",
    },
    "de": {
        "event_at": "Dienstag, den dritten März um fünfzehn Uhr dreißig",
        "first:number:m": "ein",
        "first:number:f": "eine",
        "half:number": "drei Komma fünf",
        "place:ordinal:m": "dritter",
        "sum:money:EUR": "zwölf Euro und fünf Cent",
        "born:date": "ersten März neunzehnhunderteinundsechzig",
    },
    "it": {
        "event_at": "martedì tre marzo alle ore quindici e trenta",
        "other:date": "domenica primo marzo",
        "first:number:f": "una",
        "less:number": "meno due",
        "first:ordinal:f": "prima",
        "sum:money:EUR": "dodici euro e cinque centesimi",
    },
    "pt": {
        "event_at": "terça-feira, três de março às quinze horas e trinta minutos",
        "event_end_time": "dezasseis horas",
        "many:number:f": "duzentas e trinta e uma",
        "sum:money:EUR": "doze euros e cinco cêntimos",
    },
    "pt-BR": {"event_end_time": "dezesseis horas", "sum:money:BRL": "doze reais e cinco centavos"},
    "ru": {
        "event_at": "вторник, третьего марта, в пятнадцать часов тридцать минут",
        "n:number:f": "двадцать одна",
        "half:number": "три целых пять десятых",
        "place:ordinal:f": "третья",
        "sum:money:RUB": "двенадцать рублей пять копеек",
        "n:money:RUB": "двадцать один рубль",
        "born:date": "первого марта тысяча девятьсот шестьдесят первого года",
    },
    # Languages without a class of their own: CLDR's names, num2words' numbers.
    "nl": {"event_date": "dinsdag, 3 maart", "n:number": "eenentwintig", "half:number": "drie komma vijf"},
    "pl": {"event_date": "wtorek, 3 marca", "less:number": "-2", "born:date": "1 marca 1961"},
    "xx": {"event_day": "Tuesday"},
}


@pytest.mark.parametrize(
    ("language", "key", "words"), [(lang, key, words) for lang, said in SAID.items() for key, words in said.items()]
)
def test_spoken(language: str, key: str, words: str) -> None:
    assert spoken(EVENT, language)[key] == words


@pytest.mark.parametrize("language", ["en", "es", "fr", "de", "it", "pt", "ru"])
def test_every_day_and_every_minute_is_all_words(language: str) -> None:
    for n in range(366):
        facts = Facts(
            {"d": date.fromordinal(date(2024, 1, 1).toordinal() + n).isoformat(), "t": f"{n % 24}:{n % 60:02}"}
        )
        said = spoken(facts, language)
        for key in ("d:date", "t:time"):
            assert said[key].strip(), (key, facts)
            assert not any(char.isdigit() for char in said[key]), said[key]


def test_hours_that_have_a_name() -> None:
    noon = Facts({"t": "12:00", "m": "00:00", "x": "00:05"})
    assert spoken(noon, "en")["t:time"] == "noon"
    assert spoken(noon, "en")["m:time"] == "midnight"
    assert spoken(noon, "en")["x:time"] == "twelve oh five AM"
    assert spoken(noon, "fr")["t:time"] == "midi"


@pytest.mark.parametrize(
    ("count", "amount", "words"),
    [
        ("fr", "1", "un euro"),
        ("fr", "0.50", "cinquante centimes"),
        ("fr", "2000000", "deux millions d'euros"),
        ("es", "1", "un euro"),
        ("es", "1000000", "un millón de euros"),
        ("it", "2000000", "due milioni di euro"),
        ("en", "0", "zero euros"),
        ("en", "-3", "minus three euros"),
        ("ru", "2", "два евро"),
    ],
)
def test_money(count: str, amount: str, words: str) -> None:
    assert spoken(Facts({"a": amount}), count)["a:money:EUR"] == words


def test_a_currency_without_coins_of_ours_has_its_own_name() -> None:
    assert spoken(Facts({"a": "12.5"}), "en")["a:money:SEK"] == "twelve point five Swedish kronor"


@pytest.mark.parametrize("value", ["soon", "1,234", "2026-13-01", "", "NaN", "12 apples", "99:99", "1e400"])
@pytest.mark.parametrize("how", ["date", "time", "number", "ordinal", "money:EUR"])
def test_what_a_format_cannot_read_is_given_as_it_is(value: str, how: str) -> None:
    assert fill("<{x:" + how + "}>", spoken(Facts({"x": value}), "fr")) == f"<{value}>"


def test_a_decimal_comma_is_read() -> None:
    assert spoken(Facts({"x": "3,5"}), "fr")["x:number"] == "trois virgule cinq"


def test_messages_have_figures() -> None:
    shown = written(EVENT, "fr")
    assert shown["event_at"] == "mardi 3 mars 2026 à 15:30"
    assert shown["sum:money:EUR"] == "12,05 €"
    assert shown["half:number"] == "3,5"
    assert shown["phone_number"] == "+15550100001"
    assert shown["code:digits"] == "a1-B2"
    assert written(EVENT, "en")["event_time"] == "3:30 PM"


def test_a_value_is_never_looked_at_again() -> None:
    assert fill("{name}, {nowhere}{event_day}", spoken(EVENT, "en")) == "Ann {event_at}, Tuesday"


def test_data_wins_over_what_is_built_in() -> None:
    facts = Facts({"event_date": "soon", "phone_number": "12"}, PARIS, datetime(2026, 3, 3, tzinfo=UTC), None, "+1555")
    assert spoken(facts, "en")["event_date"] == "soon"
    assert spoken(facts, "en")["phone_number:digits"] == "one two"


def test_a_call_without_an_event_says_nothing_of_one() -> None:
    assert fill("{event_at}{event_title}{event_end_date:date}.", spoken(Facts(phone_number="+1555"), "en")) == "."


@pytest.mark.parametrize("name", sorted(tags.BUILT_IN))
def test_every_built_in_tag_is_filled(name: str) -> None:
    facts = Facts(
        {"event_title": "Check-up", "calendar_user": "Dr. Ray"}, PARIS, EVENT.event_start, EVENT.event_end, "1555"
    )
    assert spoken(facts, "de")[name].strip()


@given(
    st.sampled_from(["en", "es-MX", "fr", "de", "it", "pt-BR", "ru", "nl", "ja", "!"]),
    st.text(max_size=30) | st.decimals(allow_nan=True).map(str) | st.datetimes().map(str),
    st.sampled_from(["date", "time", "number:f", "number", "ordinal:m", "digits", "money:EUR", "money:XXX", ""]),
)
def test_no_value_breaks_a_call(language: str, value: str, how: str) -> None:
    for made in (spoken, written):
        assert isinstance(fill("{x:" + how + "}" if how else "{x}", made(Facts({"x": value}), language)), str)
