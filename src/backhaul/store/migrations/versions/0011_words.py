"""How many words people had said of a case when an effect of it last changed: what was said after an answer is known by
that, as both may fall into one second of the clock."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("alter table effect add column words int not null default 0")
    op.get_bind().exec_driver_sql(
        "update effect e set words = (select count(*) from command k "
        "where k.case_id = e.case_id and k.at <= coalesce(e.answered_at, e.created_at))"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
