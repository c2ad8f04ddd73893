"""Labels and pictures are sealed from now on; a row of before stays as it is and is marked as such."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("alter table attachment add column sealed boolean not null default false")


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: sealed files cannot be opened by an older version")
