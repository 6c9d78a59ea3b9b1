# SPDX-License-Identifier: MIT
"""Subscriber tables for both servers: users u0000000... with the password pw- and the name."""
import hashlib
import sqlite3

REALM = "bench.test"

RINGFENCE = """
CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username CHAR(64) DEFAULT '' NOT NULL,
    domain CHAR(64) DEFAULT '' NOT NULL,
    password CHAR(64) DEFAULT '' NOT NULL,
    ha1 CHAR(64) DEFAULT '' NOT NULL,
    ha1_sha256 CHAR(64) DEFAULT '' NOT NULL,
    ha1_sha512t256 CHAR(64) DEFAULT '' NOT NULL,
    CONSTRAINT subscriber_account_idx UNIQUE (username, domain))
"""

KAMAILIO = """
CREATE TABLE version (id INTEGER PRIMARY KEY NOT NULL, table_name VARCHAR(32) NOT NULL,
    table_version INTEGER DEFAULT 0 NOT NULL);
INSERT INTO version (table_name, table_version) VALUES ('version', 1);
INSERT INTO version (table_name, table_version) VALUES ('subscriber', 7);
INSERT INTO version (table_name, table_version) VALUES ('ha1', 2);
CREATE TABLE subscriber (id INTEGER PRIMARY KEY NOT NULL, username VARCHAR(64) NOT NULL,
    domain VARCHAR(64) NOT NULL, ha1 VARCHAR(128) NOT NULL,
    CONSTRAINT subscriber_account_idx UNIQUE (username, domain));
CREATE TABLE ha1 (id INTEGER PRIMARY KEY NOT NULL, key_name VARCHAR(64) NOT NULL,
    key_type INTEGER DEFAULT 0 NOT NULL, value_type INTEGER DEFAULT 0 NOT NULL,
    key_value VARCHAR(128) DEFAULT '' NOT NULL, expires INTEGER DEFAULT 0 NOT NULL);
"""


def users(count):
    """(name, text to hash) of each."""
    for i in range(count):
        name = f"u{i:07d}"
        yield name, f"{name}:{REALM}:pw-{name}".encode()


def fill_ringfence(path, count):
    """Creates the database with its accounts, as `ringfence user add` would."""
    md5, sha = hashlib.md5, hashlib.sha256

    def rows():
        for name, text in users(count):
            sha512t256 = hashlib.new("sha512_256", text).hexdigest()
            yield name, REALM, md5(text).hexdigest(), sha(text).hexdigest(), sha512t256

    with sqlite3.connect(path) as db:
        db.execute(RINGFENCE)
        db.executemany("INSERT INTO subscriber (username, domain, ha1, ha1_sha256, ha1_sha512t256)"
                       " VALUES (?, ?, ?, ?, ?)", rows())
    db.close()


def fill_kamailio(path, count, algorithm="MD5"):
    """Creates the tables that auth_db and htable read."""
    make = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
    with sqlite3.connect(path) as db:
        db.executescript(KAMAILIO)
        db.executemany("INSERT INTO subscriber (username, domain, ha1) VALUES (?, ?, ?)",
                       ((n, REALM, make(t).hexdigest()) for n, t in users(count)))
        db.execute("INSERT INTO ha1 (key_name, key_value) SELECT username, ha1 FROM subscriber")
    db.close()
