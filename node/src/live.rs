//! The node on the network: one sync and done, serving, asking to be let in.
//!
//! What is said is the sync machine's matter; here bytes, time and the store meet it.

mod driver;
mod hearing;
mod joining;
mod limits;
mod stick;
mod storing;
#[cfg(test)]
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::LocalSet;

use onex_crdt::ids::DeviceId;
use onex_protocol::machine::{Fault, Report};

use crate::api::{Closed, PeerReport, SyncReport, Traffic};
use crate::error::NodeError;
use crate::handle::Node;
use crate::members::LISTEN;
use crate::net::{DeviceKey, Endpoint, Ground};
use crate::report::{peer_of, unsent};
use crate::store::peers::{self, StoredPeer};
use crate::store::{meta, set_meta};
use driver::{Called, Driver, Happening};

pub use joining::Joining;
pub(crate) use storing::told_removed;

/// How long a sync waits for a sign of life of any peer.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// How long the last datagrams get: long enough to leave, and everything was acknowledged before.
/// Waiting out QUIC's draining period would triple the time of a sync with nothing to do.
const PARTING: Duration = Duration::from_millis(10);

/// A node that others can reach, until it is stopped or dropped.
pub struct Serving {
    listen: SocketAddr,
    happen: UnboundedSender<Happening>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
}

impl Node {
    /// Syncs once with one peer, or with every peer whose address is known.
    ///
    /// # Errors
    /// When no peer is known, or the store fails; a peer that cannot be reached is in the report.
    pub fn sync(&self, peer: Option<DeviceId>) -> Result<SyncReport, NodeError> {
        let syncing = async { self.sync_over(Ground::open(ANY_PORT)?, peer).await };
        runtime()?.block_on(LocalSet::new().run_until(syncing))
    }

    /// Syncs once as [`Node::sync`] does, over a socket and a clock of the caller. Must run in a
    /// `LocalSet` on the thread of its runtime.
    ///
    /// # Errors
    /// As [`Node::sync`].
    pub async fn sync_over(
        &self,
        ground: Ground,
        peer: Option<DeviceId>,
    ) -> Result<SyncReport, NodeError> {
        let known = peers::all(self.reader().read())?;
        let wanted = |stored: &StoredPeer| match peer {
            Some(device) => stored.device == device,
            None => stored.address.is_some(),
        };
        let targets: Vec<_> = known.into_iter().filter(wanted).collect();
        if targets.is_empty() {
            return Err(NodeError::NoPeer);
        }
        let endpoint = Rc::new(Endpoint::on(&self.device_key(), ground)?);
        let reports = self.sync_with(&endpoint, &targets).await?;
        let writer = self.writer()?;
        let mut report =
            SyncReport { unsent: unsent(writer.store.read())?, ..SyncReport::default() };
        for target in targets {
            let stored = peers::get(writer.store.read(), target.device)?.unwrap_or(target);
            let outcome = reports.get(&stored.device).cloned();
            report.peers.push(peer_report(peer_of(&writer, &stored)?, outcome));
        }
        Ok(report)
    }

    async fn sync_with(
        &self,
        endpoint: &Rc<Endpoint>,
        targets: &[StoredPeer],
    ) -> Result<BTreeMap<DeviceId, Result<Report, String>>, NodeError> {
        let mut driver = Driver::new(self.clone())?;
        let mut calls: BTreeMap<DeviceId, Called> = BTreeMap::new();
        let mut outcomes = BTreeMap::new();
        for target in targets {
            match target.address.as_deref().map(resolve) {
                Some(Some(address)) => {
                    calls.insert(target.device, driver.call(endpoint, address, target.key));
                }
                Some(None) => {
                    outcomes.insert(target.device, Err("the address does not resolve".to_owned()));
                }
                None => {
                    outcomes.insert(target.device, Err("no address is known".to_owned()));
                }
            }
        }
        let (mut heard, mut heard_bytes) = (tokio::time::Instant::now(), 0);
        while outcomes.len() < targets.len() && heard.elapsed() < SILENCE_MAX {
            driver.step().await?;
            // A batch may be minutes under way on a slow line; what arrives of it is life enough.
            if std::mem::replace(&mut heard_bytes, driver.received_bytes()) != heard_bytes {
                heard = tokio::time::Instant::now();
            }
            for (device, report) in driver.reports.drain(..) {
                heard = tokio::time::Instant::now();
                outcomes.insert(device, Ok(report));
            }
            for (device, call) in &mut calls {
                if !outcomes.contains_key(device)
                    && call.is_finished()
                    && let Ok(Err(error)) = call.await
                {
                    outcomes.insert(*device, Err(error.to_string()));
                }
            }
            calls.retain(|device, call| !outcomes.contains_key(device) && !call.is_finished());
        }
        driver.close_all("done").await;
        endpoint.close("done");
        let _ = tokio::time::timeout(PARTING, endpoint.wait_closed()).await;
        Ok(outcomes)
    }

    /// Lets others reach this node over a socket and a clock of the caller, and calls its peers if
    /// it `calls`, until the future is dropped. Must run in a `LocalSet` on the thread of its
    /// runtime.
    ///
    /// # Errors
    /// A failure of the store, which alone ends it.
    pub async fn serve_over(&self, ground: Ground, calls: bool) -> Result<(), NodeError> {
        let endpoint = Rc::new(Endpoint::on(&self.device_key(), ground)?);
        Driver::new(self.clone())?.serve(endpoint, calls).await
    }

    /// Lets others reach this node; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn serve(&self, listen: SocketAddr) -> Result<Serving, NodeError> {
        self.listen_at(listen, false)
    }

    /// Lets others reach this node, and stays connected with every peer whose address is known.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn serve_in_touch(&self, listen: SocketAddr) -> Result<Serving, NodeError> {
        self.listen_at(listen, true)
    }

    fn listen_at(&self, listen: SocketAddr, calls: bool) -> Result<Serving, NodeError> {
        let serving = self.start(listen, calls)?;
        let address = serving.listen.to_string();
        let mut writer = self.writer()?;
        writer
            .commit(|_, transaction, _| Ok(set_meta(transaction, LISTEN, address.as_bytes())?))?;
        Ok(serving)
    }

    /// Stays connected with every peer whose address is known, as long as the answer is kept:
    /// what either side writes is at the other at once. Listens again where this node last did,
    /// unless another process of this home does; the first time its address is noted, since
    /// invitations name it.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn stay_in_touch(&self) -> Result<Serving, NodeError> {
        let listened = meta(self.reader().read(), LISTEN)?;
        let listened = listened.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        match listened {
            Some(address) => self.start(address, true).or_else(|_| self.start(ANY_PORT, true)),
            None => self.serve_in_touch(ANY_PORT),
        }
    }

    fn start(&self, listen: SocketAddr, calls: bool) -> Result<Serving, NodeError> {
        let (ready, started) = mpsc::channel();
        let node = self.clone();
        let thread = std::thread::spawn(move || serve(node, listen, calls, &ready));
        match started.recv() {
            Ok((listen, happen)) => Ok(Serving { listen, happen, thread: Some(thread) }),
            Err(_) => Err(match thread.join() {
                Ok(Err(error)) => error,
                _ => NodeError::Unreachable,
            }),
        }
    }

    fn device_key(&self) -> DeviceKey {
        DeviceKey::from_seed(self.shared.keys.device)
    }
}

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn serve(
    node: Node,
    listen: SocketAddr,
    calls: bool,
    ready: &mpsc::Sender<(SocketAddr, UnboundedSender<Happening>)>,
) -> Result<(), NodeError> {
    let serving = async {
        let endpoint = Rc::new(Endpoint::bind(&node.device_key(), listen)?);
        let driver = Driver::new(node.clone())?;
        // Whoever asked for it waits for this; if he is gone, so is the wish to serve.
        if ready.send((endpoint.local_addr(), driver.happen())).is_err() {
            return Ok(());
        }
        driver.serve(endpoint, calls).await
    };
    runtime()?.block_on(LocalSet::new().run_until(serving))
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, NodeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(NodeError::Runtime)
}

fn resolve(address: &str) -> Option<SocketAddr> {
    address.to_socket_addrs().ok()?.next()
}

fn peer_report(peer: crate::api::Peer, outcome: Option<Result<Report, String>>) -> PeerReport {
    let (reached, report) = match outcome {
        Some(Ok(report)) => (true, report),
        Some(Err(error)) => (false, Report { error: Some(error), ..Report::default() }),
        None => (false, Report { error: Some("no answer".to_owned()), ..Report::default() }),
    };
    let traffic = |flow: onex_protocol::machine::Flow| Traffic {
        documents: flow.documents,
        changes: flow.changes,
        bytes: flow.bytes,
    };
    PeerReport {
        peer,
        reached,
        round_trips: u32::try_from(report.round_trips).unwrap_or(u32::MAX),
        sent: traffic(report.sent),
        received: traffic(report.received),
        quarantined: report.quarantined as usize,
        refused: report.refused.into_iter().map(|(id, why)| (id, why.to_owned())).collect(),
        equal: report.equal,
        error: report.error,
        closed: match report.code {
            Some(code) if code == Fault::RemovedDevice.code() => Some(Closed::Removed),
            Some(code) if code == (Fault::Fork { position: 0 }).code() => Some(Closed::Fork),
            _ => None,
        },
    }
}

impl Serving {
    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Stops, and returns when every connection is closed.
    ///
    /// # Errors
    /// What ended serving before.
    pub fn stop(mut self) -> Result<(), NodeError> {
        self.end()
    }

    /// Waits until serving ends: by a failure of the store, or because somebody ends the program,
    /// which is a clean end then.
    pub fn wait(mut self) -> Result<(), NodeError> {
        let happen = self.happen.clone();
        let asked = runtime()?;
        std::thread::spawn(move || {
            asked.block_on(end_asked());
            // A thread that has ended already hears nothing, and need not.
            let _ = happen.send(Happening::Stop);
        });
        self.thread.take().map_or(Ok(()), ended)
    }

    fn end(&mut self) -> Result<(), NodeError> {
        // A thread that has ended already hears nothing, and need not.
        let _ = self.happen.send(Happening::Stop);
        self.thread.take().map_or(Ok(()), ended)
    }
}

/// Comes back when somebody asks the program to end. Where that cannot be heard, never.
#[cfg(unix)]
async fn end_asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn end_asked() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// How the network's thread ended; one that broke is a failure like any other.
fn ended(thread: JoinHandle<Result<(), NodeError>>) -> Result<(), NodeError> {
    let broken = |_| std::io::Error::other("the network's thread broke");
    thread.join().map_err(|error| NodeError::Runtime(broken(error)))?
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "serving ended with an error");
        }
    }
}

#[cfg(test)]
mod tests;
