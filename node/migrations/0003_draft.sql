-- What a person has begun to write and not saved yet: the text of each field that was changed, under
-- the action and the record that it is for. No subject means that the action makes a record.

create table draft (
  person text not null,
  action text not null,
  subject blob not null,
  field text not null,
  text text not null,
  at text not null,
  primary key (person, action, subject, field)
) strict, without rowid;
