# SPDX-License-Identifier: MIT
"""Subscriber tables that other servers made are used as they are."""
import sqlite3

import pytest

import sip
from daemon import DOMAIN, PASSWORD

VERSION = "CREATE TABLE version (table_name VARCHAR(32) NOT NULL, table_version INTEGER DEFAULT 0 NOT NULL);"

# The columns as `kamdbctl create` of Kamailio 5.6 makes them with SQLite.
KAMAILIO = VERSION + """
INSERT INTO version VALUES ('subscriber', 7);
CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY NOT NULL,
    username VARCHAR(64) DEFAULT '' NOT NULL,
    domain VARCHAR(64) DEFAULT '' NOT NULL,
    password VARCHAR(64) DEFAULT '' NOT NULL,
    ha1 VARCHAR(128) DEFAULT '' NOT NULL,
    ha1b VARCHAR(128) DEFAULT '' NOT NULL,
    CONSTRAINT subscriber_account_idx UNIQUE (username, domain));
CREATE INDEX subscriber_username_idx ON subscriber (username);
"""

# As `opensips-cli -x database create` of OpenSIPS 3.2 and later makes them.
OPENSIPS = VERSION + """
INSERT INTO version VALUES ('subscriber', 8);
CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username CHAR(64) DEFAULT '' NOT NULL,
    domain CHAR(64) DEFAULT '' NOT NULL,
    password CHAR(25) DEFAULT '' NOT NULL,
    email_address CHAR(64) DEFAULT '' NOT NULL,
    ha1 CHAR(64) DEFAULT '' NOT NULL,
    ha1_sha256 CHAR(64) DEFAULT '' NOT NULL,
    ha1_sha512t256 CHAR(64) DEFAULT '' NOT NULL,
    rpid CHAR(64) DEFAULT NULL,
    CONSTRAINT subscriber_account_idx UNIQUE (username, domain));
CREATE INDEX subscriber_username_idx ON subscriber (username);
"""

ALGORITHMS = {"controls": {"auth": {"algorithms": ["SHA-256", "MD5"]}}}


def ha1(algorithm, user, password=PASSWORD):
    return sip.digest(algorithm, user, DOMAIN, password)


def fill(path, schema, rows):
    with sqlite3.connect(path) as db:
        db.executescript(schema)
        for row in rows:
            names = ", ".join(row)
            db.execute(f"INSERT INTO subscriber ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    db.close()


@pytest.fixture
def with_table(edge):
    def make(schema, rows, start=True, **settings):
        rf = edge(start=False, users=(), **settings)
        fill(rf.database, schema, rows)
        return rf.start() if start else rf
    return make


def test_kamailio(with_table, phones, phone):
    """It has MD5 only: only that is offered, whatever the configuration wants."""
    rf = with_table(KAMAILIO, [{"username": u, "domain": DOMAIN, "ha1": ha1("MD5", u)} for u in ("alice", "bob")],
                    **ALGORITHMS)
    assert "warning" in rf.stderr() and "algorithms" in rf.stderr()
    alice, bob = phones(rf, "alice", "bob")
    call = alice.call("bob")
    bob.reply(bob.invite(), 486)
    call.final().expect(486)
    ua = phone(rf, "alice", algorithm="SHA-256")
    sent = ua.send(ua.message("REGISTER", f"sip:{DOMAIN}", to=f"<{ua.aor}>"))
    assert ua.final(sent).challenge("SHA-256") is None


def test_opensips(with_table, phone):
    rows = [{"username": u, "domain": DOMAIN, "ha1": ha1("MD5", u), "ha1_sha256": ha1("SHA-256", u),
             "ha1_sha512t256": ha1("SHA-512-256", u)} for u in ("alice", "bob")]
    rf = with_table(OPENSIPS, rows, **ALGORITHMS)
    assert "warning" not in rf.stderr()
    for user, algorithm in (("alice", "SHA-256"), ("bob", "MD5")):
        phone(rf, user, algorithm=algorithm).register().expect(200)


def test_an_account_that_lacks_a_hash(with_table, phone):
    """Added while SHA-256 is offered: it gets in with MD5, and with SHA-256 it is told which hash is missing."""
    rf = with_table(OPENSIPS, [{"username": "alice", "domain": DOMAIN, "ha1": ha1("MD5", "alice"),
                                "ha1_sha256": ha1("SHA-256", "alice")}], **ALGORITHMS)
    with sqlite3.connect(rf.database) as db:
        db.execute("INSERT INTO subscriber (username, domain, ha1) VALUES ('bob', ?, ?)", (DOMAIN, ha1("MD5", "bob")))
    db.close()
    phone(rf, "bob", algorithm="SHA-256").register().expect(401)
    rf.wait_event("auth.no-hash", account=f"bob@{DOMAIN}")
    # the hash of another algorithm in its place opens nothing
    phone(rf, "bob", algorithm="SHA-256", password="").register().expect(401)
    phone(rf, "bob").register().expect(200)


@pytest.mark.parametrize("schema", [KAMAILIO, OPENSIPS], ids=["kamailio", "opensips"])
def test_the_tables_are_written_too(with_table, phone, schema):
    """`ringfence user` keeps to the columns that are there, and leaves the rest alone."""
    rf = with_table(schema, [{"username": "alice", "domain": DOMAIN, "ha1": ha1("MD5", "alice")}])
    rf.add_user("bob")
    phone(rf, "bob").register().expect(200)
    rf.run("user", "passwd", f"alice@{DOMAIN}", "--password-stdin", input="Purple-Ferry-40-up\n").expect(0)
    phone(rf, "alice", password="Purple-Ferry-40-up").register().expect(200)
    rf.run("user", "remove", f"bob@{DOMAIN}").expect(0)
    phone(rf, "bob").register().expect(401)
    with sqlite3.connect(rf.database) as db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(subscriber)")]
        assert db.execute("SELECT username, password FROM subscriber").fetchall() == [("alice", "")]
        assert db.execute("SELECT table_version FROM version WHERE table_name = 'subscriber'").fetchone()
    assert columns == [line.split()[0] for line in schema.split("CREATE TABLE subscriber (")[1].splitlines()[1:-2]
                       if not line.strip().startswith("CONSTRAINT")]


def test_a_plain_password_alone_is_told_of(with_table, phone):
    rf = with_table(KAMAILIO, [{"username": "alice", "domain": DOMAIN, "password": PASSWORD},
                               {"username": "bob", "domain": DOMAIN, "ha1": ha1("MD5", "bob")}])
    r = rf.run("user", "list").expect(0)
    assert "plain password" in r.out and "ringfence user passwd" in r.out
    assert [a["usable"] for a in rf.run("user", "list", "--json").json_lines()] == [False, True]
    phone(rf, "alice").register().expect(401)
    phone(rf, "bob").register().expect(200)


def test_a_table_of_other_shape_is_refused(with_table):
    rf = with_table("CREATE TABLE subscriber (name TEXT, secret TEXT);", [], start=False)
    rf.start(ready=False)
    assert rf.wait_exit() == 1
    assert "subscriber" in rf.stderr() and "username, domain and ha1" in rf.stderr()


def test_an_account_added_by_another_program_counts(with_table, phone):
    """The operator's own tools write the table; the cache forgets within its lifetime."""
    rf = with_table(KAMAILIO, [{"username": "alice", "domain": DOMAIN, "ha1": ha1("MD5", "alice")}],
                    accounts={"cache_lifetime": "1s"})
    ua = phone(rf, "bob")
    ua.register().expect(401)
    with sqlite3.connect(rf.database) as db:
        db.execute("INSERT INTO subscriber (username, domain, ha1) VALUES ('bob', ?, ?)", (DOMAIN, ha1("MD5", "bob")))
    db.close()
    from daemon import until
    until(lambda: ua.register().status == 200, "the new account")
