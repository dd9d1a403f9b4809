-- What a node holds. The truth is the set of admitted changes (snapshot and chunk), the seals over
-- them and the membership log; source, act and the row_* tables are the projection, which can be
-- thrown away and built anew.

create table meta (
  key text primary key,
  value blob not null
) strict;

create table head (
  doc blob primary key,
  header blob not null,
  heads blob not null,
  fingerprint blob not null,
  loose integer not null,
  loose_bytes integer not null
) strict;

create table snapshot (
  doc blob primary key,
  bytes blob not null
) strict;

create table chunk (
  doc blob not null,
  number integer not null,
  bytes blob not null,
  primary key (doc, number)
) strict, without rowid;

create table seal (
  doc blob not null,
  device blob not null,
  head blob not null,
  bytes blob not null,
  primary key (doc, device, head)
) strict, without rowid;

create table log (
  position integer primary key autoincrement,
  doc blob not null,
  hash blob not null,
  origin blob
) strict;
create index log_doc on log (doc);

create table outbox (
  hash blob primary key,
  doc blob not null,
  at text not null
) strict, without rowid;

create table peer (
  device blob primary key,
  key blob not null,
  org blob not null,
  address text,
  taken integer not null default 0,
  taken_mark blob,
  last_sync text,
  equal integer not null default 0
) strict, without rowid;

create table refusal (
  device blob not null,
  doc blob not null,
  reason text not null,
  primary key (device, doc, reason)
) strict, without rowid;

create table membership (
  position integer primary key,
  bytes blob not null
) strict;

create table proposal (
  number integer primary key,
  digest blob not null unique,
  bytes blob not null
) strict;

create table invitation (
  id blob primary key,
  bytes blob not null,
  made_on text not null,
  joiner_key blob,
  person text,
  tries integer not null default 0,
  state text not null
) strict, without rowid;

create table quarantine (
  id blob primary key,
  doc blob not null,
  header blob not null,
  change blob,
  bytes blob not null,
  reason text not null,
  received_from blob not null,
  received_at text not null,
  state text not null
) strict, without rowid;

create table source (
  kind text not null,
  id blob not null,
  doc blob not null,
  body blob not null,
  primary key (kind, id, doc)
) strict, without rowid;

create table act (
  id blob not null,
  doc blob not null,
  kind text not null,
  subject blob not null,
  position integer not null,
  born integer not null,
  body blob not null,
  primary key (id, doc)
) strict, without rowid;
create index act_subject on act (subject);
create index act_position on act (position);
