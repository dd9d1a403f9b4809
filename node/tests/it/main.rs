//! The integration tests of the node, as one program so that they link once.

mod drafts;
mod durable;
mod handle;
mod import;
mod limits;
mod lists;
mod live;
mod malicious;
mod net;
mod simnet;
mod table;
