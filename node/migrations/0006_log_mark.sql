-- Each entry of the local log carries a mark that follows from every entry so far. Those of an older
-- store get theirs when it is brought up to date; peers are then sent everything once more.

alter table log add column mark blob not null default x'';
