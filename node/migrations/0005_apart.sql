-- What is kept apart says what it is, as far as it can be read, and is found by its document.
alter table quarantine add column tag blob;
alter table quarantine add column person text;
alter table quarantine add column records blob;
create index quarantine_doc on quarantine (doc);
create index quarantine_from on quarantine (received_from);
create index quarantine_change on quarantine (change);
create index seal_device on seal (device);
