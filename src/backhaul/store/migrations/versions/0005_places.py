"""A unit on a return that somebody else opened in commerce stands for one case only, whoever of two comes first."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "alter table return_line add column adopted_return_id text not null default '', "
        "add column adopted_number int not null default 0"
    )
    op.get_bind().exec_driver_sql(
        "create unique index return_line_adopted "
        "on return_line (shop_id, adopted_return_id, commerce_line_id, adopted_number) where adopted_return_id <> ''"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
