//! The store at size.
fn main() {}
