"""What people say has a number, given in the order in which it is stored: counted by ids, which hold the clock of the
machine they were made on, what was said before could come after what had been heard, and be lost or heard twice."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATEMENTS = """
alter table command add column seq bigint;
update command c set seq = n.seq from (select id, row_number() over (order by id) as seq from command) n
    where n.id = c.id;
alter table command alter column seq set not null;
alter table command alter column seq add generated always as identity;
select setval(pg_get_serial_sequence('command', 'seq'), coalesce(max(seq), 0) + 1, false) from command;
drop index command_case;
create index command_case on command (case_id, seq);
alter table effect alter column words type bigint;
update effect e set words = coalesce(
    (select k.seq from command k where k.case_id = e.case_id order by k.seq offset e.words - 1 limit 1), 0)
    where e.words > 0;
"""


def upgrade() -> None:
    # For a day 0011 did this as well: what was made or brought up to date then has it.
    has = "select 1 from information_schema.columns where table_schema = current_schema() and table_name = 'command' "
    if op.get_bind().exec_driver_sql(has + "and column_name = 'seq'").first() is not None:
        return
    for statement in filter(None, map(str.strip, STATEMENTS.split(";"))):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
