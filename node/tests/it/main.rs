//! The integration tests of the node, as one program so that they link once.

mod drafts;
mod handle;
mod import;
mod limits;
mod lists;
mod live;
mod net;
mod table;
