"""Which refund of somebody else stands for which case is kept beside the ledger: it may be given back there."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STEPS = (
    """
    create table adopted_refund (
        shop_id uuid not null references shop,
        source text not null,
        case_id uuid not null,
        refund_id text not null,
        primary key (shop_id, source)
    )
    """,
    "create index adopted_refund_case on adopted_refund (case_id)",
    """
    insert into adopted_refund (shop_id, source, case_id, refund_id)
    select shop_id, source, case_id, substr(key, length('adopted:') + 1) from refund_entry
    where kind = 'adopted' and case_id is not null
    """,
    "drop index refund_entry_adopted",
    # A case that a person has linked to another order may hold what it had adopted under the old one: it looks again.
    """
    update turn set attend_at = 0 where subject_id in (
        select a.case_id from adopted_refund a join command k on k.case_id = a.case_id and k.kind = 'link_order')
    """,
)


def upgrade() -> None:
    for step in STEPS:
        op.get_bind().exec_driver_sql(step)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
