#!/bin/sh
# alembic 1.20.1 with SQLAlchemy 2.1.9, SQLite: a batch migration of a column makes ON DELETE CASCADE of another one vanish.
#
# `add_column` with `inline_references` writes `REFERENCES theorems (id) ON DELETE CASCADE` behind the column. A later `batch_alter_table`
# copies the table from what SQLAlchemy reads of it, and that knows the actions of constraints written as FOREIGN KEY (…) alone: of those
# behind a column the reference is kept, and its actions and DEFERRABLE are gone, without a word. A theorem with attempts cannot be deleted
# any more, or leaves them behind where SQLite is not told to enforce references. Expected: the same actions as before.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check alembic==1.20.1 sqlalchemy==2.1.9
cd "$folder"
cat >look.py <<'EOT'
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations


def actions(written):
    """The actions on a deletion before and after a batch migration of the column `model`."""
    with sa.create_engine("sqlite://").connect() as connection:
        on = Operations(MigrationContext.configure(connection))
        on.create_table("theorems", sa.Column("id", sa.Integer, primary_key=True))
        key = sa.ForeignKey("theorems.id", ondelete="CASCADE")
        columns = [sa.Column("id", sa.Integer, primary_key=True), sa.Column("model", sa.String(20))]
        if written == "with its table":
            on.create_table("attempts", *columns, sa.Column("theorem", sa.Integer, key))
        else:
            on.create_table("attempts", *columns)
            on.add_column("attempts", sa.Column("theorem", sa.Integer, key), inline_references=True)
        seen = []
        for _ in range(2):
            seen += [row[6] for row in connection.execute(sa.text("PRAGMA foreign_key_list(attempts)"))]
            with on.batch_alter_table("attempts") as table:
                table.alter_column("model", type_=sa.String(40))
        return seen


for written in ("with its table", "added"):
    print(f"{written}:", *actions(written))
EOT
seen=$(venv/bin/python look.py)
expected="with its table: CASCADE CASCADE
added: CASCADE NO ACTION"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
