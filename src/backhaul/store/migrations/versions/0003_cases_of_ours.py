"""Cases that begin with us: they have no id on the channel until it gives them one, and may become one with another."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("alter table return_case alter column channel_id drop not null")
    op.get_bind().exec_driver_sql("alter table return_case add column merged_into uuid references return_case")
    op.get_bind().exec_driver_sql(
        "create index return_case_merged on return_case (merged_into) where merged_into is not null"
    )
    op.get_bind().exec_driver_sql(
        "create index return_case_nameless on return_case (shop_id, order_id) where channel_id is null"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
