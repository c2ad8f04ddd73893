"""Units that the channel shows with their case no more stay known as what was a part of it, and are shown nowhere."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "alter table return_line add column if not exists gone boolean not null default false"
    )
    # Those whose place on somebody else's return kept them; the others were deleted.
    op.get_bind().exec_driver_sql(
        "update return_line r set gone = true where r.adopted_return_id <> '' and r.unit_id <> r.order_line_id and "
        "exists (select from return_line n join return_case o on o.id = n.case_id join return_case c on c.id = "
        "r.case_id where n.unit_id = r.unit_id and o.shop_id = c.shop_id and o.order_id = c.order_id and o.id > c.id "
        "and o.body is not null)"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
