"""Quotas, switches and figures of the service, and the project that clients ask for."""

import hashlib
from datetime import date, timedelta

from starlette.responses import Response

from wherry.access.holdings import holdings_of
from wherry.identity.organizations import list_organizations
from wherry.registry.overview import overview
from wherry.registry.repository_details import RepositoryFilter, sent_by_day, sum_repositories
from wherry.web.swr.call import Call
from wherry.web.swr.documents import answer, done
from wherry.web.swr.errors import Code, Problem
from wherry.web.swr.logins import DEFAULT_PROJECT

# SWR's word for it has no value here: nobody is kept from making a further organization.
NO_LIMIT = -1

_REPORTS = frozenset({"downflow", "store"})
# How far back a report goes.
_FREQUENCIES = {"daily": timedelta(days=31), "weekly": timedelta(days=182), "monthly": timedelta(days=366)}


async def list_quotas(call: Call) -> Response:
    """How many organizations one has a right on; their number is not limited, which is said with -1."""
    actor = call.actor
    holdings, found = await call.read(lambda tx: (holdings_of(tx, actor), list_organizations(tx)))
    used = sum(1 for organization in found if holdings.touches(organization.name))
    quota = {"quota_key": "namespace", "quota_limit": NO_LIMIT, "used": used, "unit": ""}
    return answer({"quotas": [quota]})


async def show_share_feature_gates(call: Call) -> Response:
    """What this server can."""
    return answer(
        {
            "enable_experience": False,
            "enable_hss_service": False,
            "enable_image_scan": False,
            "enable_sm3": False,
            "enable_image_sync": False,
            "enable_cci_service": False,
            "enable_image_label": False,
            "enable_pipeline": False,
            "enable_authorization_token": True,
            "enable_resource": False,
            "enable_list_v3": True,
            "enable_image_quota": False,
            "enable_cosign_signature": True,
            "enable_enterprise_edition_link": False,
            "enable_customize_validity_period": True,
            "swr_util_download_url": "",
        }
    )


async def show_domain_overview(call: Call) -> Response:
    """How much there is: of the whole service for administrators and auditors, else of what one may see."""
    organizations, repositories, tags, stored = await _figures(call)
    wanted = _visible(call)
    sent = await call.counted(lambda tx: sent_by_day(tx, wanted))
    return answer(
        {
            "domain_id": str(call.user_id),
            "domain_name": call.actor.name,
            "namspace_num": organizations,
            "repo_num": repositories,
            "image_num": tags,
            "store_space": float(stored),
            "downflow_size": float(sum(size for _, size in sent)),
        }
    )


async def show_domain_resource_reports(call: Call) -> Response:
    """What was pulled, a point for each day, week (by its Monday) or month in which something was.

    Of what is stored there is one point: now.
    """
    kind, frequency = call.parameters["resource_type"], call.parameters["frequency"]
    if kind not in _REPORTS or frequency not in _FREQUENCIES:
        raise Problem(Code.INVALID_PARAMETER, "reports are downflow or store, and daily, weekly or monthly")
    if kind == "downflow":
        return answer(await _downflow(call, frequency))
    _, _, _, stored = await _figures(call)
    return answer([{"date": call.now.strftime("%Y-%m-%d"), "value": float(stored)}])


async def check_agency(call: Call) -> Response:
    """Whether clusters may be reached for triggers: those that are registered here may."""
    return answer({"domain_id": str(call.user_id), "is_agency": True})


async def create_agency(call: Call) -> Response:
    """Let clusters be reached for triggers: they are, as soon as they are registered."""
    # Nothing changes; that somebody asked for it is recorded, as every other change.
    await call.write(lambda _tx: None, {"is_agency": True})
    return done(201)


async def list_projects(call: Call) -> Response:
    """The one project that there is, under the name that is asked for."""
    name = call.asked().text("name") or DEFAULT_PROJECT
    project = hashlib.sha256(f"project {name}".encode()).hexdigest()[:32]
    return answer({"projects": [{"id": project, "name": name, "enabled": True}]})


async def _downflow(call: Call, frequency: str) -> list[dict[str, object]]:
    wanted, today = _visible(call), call.now.date()
    since = (today - _FREQUENCIES[frequency]).isoformat()
    sums: dict[str, float] = {}
    for day, size in await call.counted(lambda tx: sent_by_day(tx, wanted, since)):
        when = date.fromisoformat(day)
        if frequency == "weekly":
            when -= timedelta(days=when.weekday())
        elif frequency == "monthly":
            when = when.replace(day=1)
        sums[when.isoformat()] = sums.get(when.isoformat(), 0.0) + size
    return [{"date": day, "value": size} for day, size in sums.items()]


def _visible(call: Call) -> RepositoryFilter:
    actor = call.actor
    return RepositoryFilter(
        visible_to=None if actor.sees_everything else call.user_id,
        within=None if actor.ceiling is None else tuple(actor.ceiling),
    )


async def _figures(call: Call) -> tuple[int, int, int, int]:
    actor = call.actor
    if actor.sees_everything and actor.ceiling is None:
        all_of_it = await call.read(overview)
        return all_of_it.organizations, all_of_it.repositories, all_of_it.tags, all_of_it.stored
    wanted = _visible(call)
    holdings, found, sums = await call.read(
        lambda tx: (holdings_of(tx, actor), list_organizations(tx), sum_repositories(tx, wanted))
    )
    organizations = sum(1 for organization in found if holdings.touches(organization.name))
    return organizations, sums.repositories, sums.tags, sums.size
