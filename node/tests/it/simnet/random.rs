//! Numbers from a seed, and the five places from which quinn and rustls draw theirs (trust 0.1):
//! the endpoint's seed, its connection ids, its reset key, the first id of a call, and the random
//! bytes and key exchange of TLS. For tests alone: none of it is secret.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use curve25519_dalek::MontgomeryPoint;
use onex_node::net::Ground;
use quinn::crypto::HmacKey;
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use rustls::Error;
use rustls::NamedGroup;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup, ring,
};
use sha2::{Digest as _, Sha256};

/// SplitMix64 (Steele, Lea, Flood 2014): small, quick, equal everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` to below `to`.
    pub fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from).max(1)
    }

    /// Whether something happens that does so `permille` times in a thousand.
    pub fn happens(&mut self, permille: u64) -> bool {
        self.range(0, 1000) < permille
    }

    pub fn duration(&mut self, max: Duration) -> Duration {
        Duration::from_micros(self.range(0, max.as_micros() as u64 + 1))
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.next().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }
}

/// Makes everything that the endpoint draws come from the seed.
pub fn seeded(mut ground: Ground, seed: u64) -> Ground {
    let mut random = Random::new(seed ^ 0x6f6e_6578);
    let mut rng_seed = [0; 32];
    random.fill(&mut rng_seed);
    let reset_key = Arc::new(Sha256Key(random.bytes(32)));
    let ids_seed = random.next();
    let mut config = EndpointConfig::new(reset_key);
    config.rng_seed(Some(rng_seed)).cid_generator(move || Box::new(Ids(Random::new(ids_seed))));
    ground.endpoint = config;
    let (first_seed, count) = (random.next(), AtomicU64::new(0));
    ground.first_ids = Some(Arc::new(move || {
        let mut random = Random::new(first_seed ^ count.fetch_add(1, Ordering::Relaxed));
        ConnectionId::new(&random.bytes(20))
    }));
    TLS_RANDOM.set(Random::new(random.next()));
    ground.provider = Arc::new(CryptoProvider {
        secure_random: &TlsRandom,
        kx_groups: vec![&X25519],
        ..ring::default_provider()
    });
    ground
}

thread_local! {
    /// What TLS draws from, for all endpoints of a run: rustls wants it to live for ever, and a
    /// run has a thread of its own.
    static TLS_RANDOM: RefCell<Random> = const { RefCell::new(Random(0)) };
}

#[derive(Debug)]
struct TlsRandom;

impl SecureRandom for TlsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        TLS_RANDOM.with_borrow_mut(|random| random.fill(bytes));
        Ok(())
    }
}

/// X25519 (RFC 7748), as ring has it, but with a key that can be told beforehand.
#[derive(Debug)]
struct X25519;

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut secret = [0; 32];
        TLS_RANDOM.with_borrow_mut(|random| random.fill(&mut secret));
        let public = MontgomeryPoint::mul_base_clamped(secret).0;
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    secret: [u8; 32],
    public: [u8; 32],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let refused = |_| Error::General("a key share of another length".to_owned());
        let peer = MontgomeryPoint(peer.try_into().map_err(refused)?);
        Ok(SharedSecret::from(&peer.mul_clamped(self.secret).0[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Connection ids of eight bytes, one after another from the seed.
struct Ids(Random);

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&self.0.bytes(8))
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// A keyed hash for the tokens of stateless resets, which nobody attacks here.
struct Sha256Key(Vec<u8>);

impl HmacKey for Sha256Key {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        let digest = Sha256::new().chain_update(&self.0).chain_update(data).finalize();
        signature_out.copy_from_slice(&digest[..signature_out.len()]);
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), quinn::crypto::CryptoError> {
        let mut expected = [0; 32];
        self.sign(data, &mut expected);
        if signature == expected { Ok(()) } else { Err(quinn::crypto::CryptoError) }
    }
}
