//! A backup that the disk has altered does not take the place of an older one.

use super::*;

#[test]
fn what_is_not_as_it_was_verified_is_no_backup() {
    let folder = tempfile::tempdir().expect("a folder");
    let (own, key) = ([1; 32], [2; 32]);
    let database = folder.path().join("store.db");
    fs::write(&database, [7; 300]).expect("written");
    let about = About {
        network: NetworkId([3; 16]),
        device: DeviceId([4; 16]),
        made_at: "2026-04-01T09:00:00+08:00".to_owned(),
        bytes: 300,
    };
    let head = Head { own: wrap(&own, &key, &about).into(), about, passphrase: None };
    let file = folder.path().join("b.onexbak");
    put_together(&file, &head, &database).expect("written");
    let read = |file: &Path| read_back(file, &head, (&own, &key, None), &database);
    read(&file).expect("it is what was written");
    let bytes = fs::read(&file).expect("it is there");
    let altered = folder.path().join("altered");
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        fs::write(&altered, other).expect("written");
        assert!(read(&altered).is_err(), "byte {at}");
        fs::write(&altered, &bytes[..at]).expect("written");
        assert!(read(&altered).is_err(), "cut at {at}");
    }
    fs::write(&altered, [&bytes[..], &[0]].concat()).expect("written");
    assert!(read(&altered).is_err(), "something behind it");
}
