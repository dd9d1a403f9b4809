-- Documents of which a peer lacks more than a batch may hold: what is unsent of them stays so,
-- whatever it acknowledges, until both hold the same.
create table withheld (
  device blob not null,
  doc blob not null,
  primary key (device, doc)
) strict, without rowid;
