"""Cases that need an answer, the latest change first: they may be few and old among all the others."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        "create index if not exists return_case_answer on return_case (updated_at desc, id desc) "
        "where status in ('requested', 'delivered', 'to_confirm', 'blind')"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
