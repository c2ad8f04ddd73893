"""What this connector declares of itself."""

from __future__ import annotations

from backhaul.connectors.loop.errors import SUPPORT
from backhaul.connectors.loop.settings import API_VERSION
from backhaul.connectors.loop.webhooks import TOPIC_OF
from backhaul.domain.effects import Repeat, Safety
from backhaul.domain.words import Party
from backhaul.ports.manifest import Field, Manifest, Proof

_FINDABLE = Safety(Repeat.FINDABLE, then=Repeat.FINDABLE, settle_s=15)
_REFUSED_IF_DONE = Safety(Repeat.REFUSED_IF_DONE, settle_s=15)

_SCOPES = {
    "returns": "to read returns, and to process, close, cancel and label them",
    "draft_returns:read": f"to see what Loop would take back, and its reasons. {SUPPORT}",
    "draft_returns:write": f"to open returns. {SUPPORT}",
    "developer_tools": "to subscribe to webhooks",
}

MANIFEST = Manifest(
    vendor="loop",
    title="Loop",
    role=Party.DESK,
    api_version=API_VERSION,
    docs="https://docs.loopreturns.com/",
    proof=Proof.SIMULATED,
    abilities=frozenset({"Authorises", "DeskReturns", "Performs", "Subscribes"}),
    effects={
        "open_desk_return": _FINDABLE,  # by the order's returns; units on a return are not taken a second time
        # Only queues, so a repeat too early would find the return still open: wait until the first has surely run.
        "process_desk_return": Safety(Repeat.REFUSED_IF_DONE, settle_s=300),  # a closed return is not processed again
        "close_desk_return": _REFUSED_IF_DONE,  # a closed return is not closed again
        "cancel_desk_return": _REFUSED_IF_DONE,  # a cancelled return is not cancelled again
        "request_desk_label": Safety(Repeat.REFUSED_IF_DONE, settle_s=60),  # 409 label_already_exists; made in a queue
        "note_desk_return": _FINDABLE,  # by the return's notes
    },
    fields=(
        Field(
            "api_key",
            "API key",
            "Loop admin, Returns management > Tools & integrations > Developer tools: generate a key named Backhaul "
            f"with the rights {', '.join(_SCOPES)}.",
            secret=True,
        ),
        Field(
            "webhook_secret",
            "Webhook secret",
            "From the same page. Without it webhooks are not taken, and changes are seen minutes later.",
            secret=True,
            required=False,
        ),
        Field(
            "previous_webhook_secret",
            "Previous webhook secret",
            "Only while the secret is being changed: webhooks signed with the old one still count.",
            secret=True,
            required=False,
        ),
    ),
    scopes=_SCOPES,
    webhooks=tuple(TOPIC_OF),
    # 300 calls a minute for each key, whatever is called: 60 at once and 240 over the minute never are more.
    budget_per_s=4.0,
    budget_burst=60.0,
    money_units="decimal string",
    settings_page="https://admin.loopreturns.com/",
    consoles={"": "https://admin.loopreturns.com/"},
)
