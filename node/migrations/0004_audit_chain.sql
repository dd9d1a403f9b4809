-- Each line of the audit log carries the SHA-256 over the one before it and its own fields. Lines of
-- an older store get theirs when it is brought up to date.

alter table audit add column digest blob not null default x'';
