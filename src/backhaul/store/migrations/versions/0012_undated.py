"""Cases that wait for a person and have no deadline: what a buyer asks for in the portal, goods without a return."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "create index return_case_undated on return_case (updated_at desc, id desc) "
        "where deadline is null and not ended"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
