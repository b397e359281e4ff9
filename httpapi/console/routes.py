"""Every address of the console and the page behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from httpapi.console import admin, builder, callme, month, occurrence, results, sections, start, story, today, tryout
from httpapi.console.displays_all import DISPLAYS
from httpapi.console.lists import Pages
from httpapi.console.site import Site
from httpapi.console.view import View
from httpapi.plugins import Surround
from httpapi.resource import Resource
from httpapi.web import Handler, Response


def console(surround: Surround, registry: dict[str, Resource]) -> Iterator[tuple[str, Handler]]:
    """(pattern, handler) of each page."""
    site = Site(surround, registry)
    yield "/sign-in/", site.sign_in()
    yield "/sign-out/", site.sign_out()
    yield "/static/<name>", site.static()
    yield "/", site.page(lambda view, _: view.go("/today/"))
    yield "/today/", site.page(today.today)
    yield "/start/", site.page(start.start)
    yield "/admin/", site.page(admin.overview)
    yield "/module/alarm/<id>/do/<action>/", site.page(None, today.act)
    yield "/module/calendar/move/", site.page(occurrence.ask_move, occurrence.move)
    for span in month.SPANS:
        yield f"/module/calendar/{span}/", site.page(partial(_span, span))
    yield "/module/event/<id>/occurrence/", site.page(occurrence.show, occurrence.change)
    yield "/module/event/<id>/repeat/", site.page(occurrence.ask_repeat, occurrence.repeat)
    yield from _surveys(site)
    yield "/module/sealed_survey/<id>/results/", site.page(results.show)
    yield "/module/sealed_survey/<id>/results/<chart>", site.page(results.table)
    yield "/module/sealed_survey/<id>/call/", site.page(None, callme.with_survey)
    yield "/admin/gateway/<id>/call/", site.page(None, callme.through_gateway)
    own = {  # (show, change) of a row, where the general form would not do
        "survey-template": (builder.show, builder.change),
        "sealed-survey": (builder.sealed, None),
        "alarm-request": (story.attempt, None),
        "callrequest": (story.call, None),
    }
    for display in DISPLAYS:
        pages = Pages(display)
        show, change = own.get(display.path, (pages.edit, pages.change))
        yield display.url, site.page(pages.index)
        yield f"{display.url}add/", site.page(pages.add, pages.create)
        yield f"{display.url}<id>/delete/", site.page(pages.ask_delete, pages.delete)
        yield f"{display.url}<id>/", site.page(show, change)


def _span(span: str, view: View, arguments: Mapping[str, str]) -> Response:
    return month.show(view, {**arguments, "span": span})


def _surveys(site: Site) -> Iterator[tuple[str, Handler]]:
    base = "/module/survey/"
    yield f"{base}example/", site.page(None, builder.take_example)
    yield f"{base}speak/", site.page(tryout.speak)
    yield f"{base}<id>/copy/", site.page(None, builder.copy)
    yield f"{base}<id>/export/", site.page(builder.export)
    yield f"{base}<id>/seal/", site.page(None, builder.seal)
    yield f"{base}<id>/compare/", site.page(builder.compare)
    yield f"{base}<id>/try/", site.page(tryout.keypad)
    yield f"{base}<id>/section/add/", site.page(sections.add, sections.create)
    yield f"{base}<id>/section/<section>/", site.page(sections.edit, sections.change)
    yield f"{base}<id>/section/<section>/delete/", site.page(None, sections.delete)
    yield "/module/audio/<id>/listen/", site.page(tryout.listen)
    yield "/admin/recording/<id>/listen/", site.page(tryout.listen_to_answer)
