"""What people say has a number, given in the order in which it is stored, and an effect keeps the last that was said
when it changed: by that it is known what was said after an answer, though both fall into one second of a clock, or the
clocks of two machines differ."""

from alembic import op

revision = "0011"
down_revision = "0010"
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
alter table effect add column words bigint not null default 0;
update effect e set words = coalesce((
    select max(k.seq) from command k where k.case_id = e.case_id and k.at <= coalesce(e.answered_at, e.created_at)), 0);
"""


def upgrade() -> None:
    for statement in filter(None, map(str.strip, STATEMENTS.split(";"))):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: refunds and history are never dropped by a program")
