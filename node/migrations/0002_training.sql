-- What rosters, classes and undoing need. about and step belong to the projection: they are filled
-- from the documents again whenever it is built anew.

-- The rows besides its subject that an act speaks of.
create table about (
  subject blob not null,
  act blob not null,
  doc blob not null,
  primary key (subject, act, doc)
) strict, without rowid;

-- Which change belongs to which batch: everything that one command wrote.
create table step (
  hash blob primary key,
  doc blob not null,
  position integer not null,
  batch blob not null,
  undoes blob,
  tag blob not null,
  person text not null,
  action text not null,
  at integer not null
) strict, without rowid;
create index step_batch on step (batch);
create index step_undoes on step (undoes) where undoes is not null;
create index step_own on step (tag, person, position);

create index source_doc on source (doc, kind);
create index act_kind on act (kind);

-- Who looked at masked fields, and took them out: ids and keys only, never a value.
create table audit (
  position integer primary key autoincrement,
  at text not null,
  person text not null,
  device blob not null,
  what text not null,
  kind text not null,
  ids blob not null,
  fields text not null
) strict;

-- Files by the SHA-256 of their bytes: photos of learners.
create table blob (
  digest blob primary key,
  bytes blob not null
) strict, without rowid;
