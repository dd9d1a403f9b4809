//! TLS 1.3 between two raw Ed25519 keys (RFC 7250): no certificates, no names, no expiry.
//!
//! Proves that the other side holds the key it presents. A server accepts any key and a client
//! any or one given key; whose key it is, is not known here. No resumption and no early data, so
//! that every connection proves both keys anew and nothing can be replayed.

use std::fmt;
use std::sync::{Arc, OnceLock};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
};

/// The protocol version both sides must name (ALPN, RFC 7301).
pub const ALPN: &[u8] = b"onex/1";

/// PKCS#8 version 1 of an Ed25519 key, up to its 32-byte seed (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// SubjectPublicKeyInfo of an Ed25519 key, up to its 32 bytes (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// The Ed25519 key of this device, ready to sign handshakes.
///
/// Holds no copy of the seed outside the signer and shows only its public half.
#[derive(Clone)]
pub struct DeviceKey {
    signer: Arc<dyn SigningKey>,
    public_key: [u8; 32],
}

impl DeviceKey {
    /// Makes the key from its seed (RFC 8032, section 5.1.5: the 32-byte private key).
    pub fn from_seed(seed: [u8; 32]) -> DeviceKey {
        let pkcs8 = [&PKCS8_PREFIX[..], &seed].concat();
        let signer = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8))
            .expect("any 32 bytes are a seed");
        let spki = signer.public_key().expect("an Ed25519 signer knows its public key");
        let public_key = spki_parse(&spki).expect("the public key of an Ed25519 signer");
        DeviceKey { signer, public_key }
    }

    /// Returns the public half: 32 bytes as in RFC 8032.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        let spki = [&SPKI_PREFIX[..], &self.public_key].concat();
        Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], self.signer.clone()))
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DeviceKey").field("public_key", &self.public_key).finish()
    }
}

/// Makes the accepting side's TLS: presents `key`, demands a key, accepts any.
pub(super) fn server_config(
    key: &DeviceKey,
    provider: &Arc<CryptoProvider>,
) -> Arc<QuicServerConfig> {
    let verifier = AnyClient { algorithms: provider.signature_verification_algorithms };
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("every provider given has TLS 1.3")
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key.certified())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Arc::new(QuicServerConfig::try_from(config).expect("every provider given has AES-128-GCM"))
}

/// Makes one connection's TLS on the connecting side: presents `key`, checks the other's.
///
/// The key that the other side presents is put into `presented` before it is judged, so that a
/// failed handshake can name it. A refused side never learns which key we have.
pub(super) fn client_config(
    key: &DeviceKey,
    provider: &Arc<CryptoProvider>,
    expected: Option<[u8; 32]>,
    presented: &Arc<OnceLock<[u8; 32]>>,
) -> Arc<QuicClientConfig> {
    let verifier = ExpectedServer {
        algorithms: provider.signature_verification_algorithms,
        expected,
        presented: presented.clone(),
    };
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("every provider given has TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
            key.certified(),
        )));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Arc::new(QuicClientConfig::try_from(config).expect("every provider given has AES-128-GCM"))
}

/// Returns the Ed25519 key in a SubjectPublicKeyInfo; `None` for any other kind or encoding.
pub(super) fn spki_parse(spki: &[u8]) -> Option<[u8; 32]> {
    spki.strip_prefix(&SPKI_PREFIX)?.try_into().ok()
}

/// Accepts any server, or the one with the expected key.
#[derive(Debug)]
struct ExpectedServer {
    algorithms: WebPkiSupportedAlgorithms,
    expected: Option<[u8; 32]>,
    presented: Arc<OnceLock<[u8; 32]>>,
}

impl ServerCertVerifier for ExpectedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = key_check(end_entity, intermediates)?;
        let found = *self.presented.get_or_init(|| found);
        match self.expected {
            Some(expected) if expected != found => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_refuse())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature_check(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Accepts any client that has an Ed25519 key.
#[derive(Debug)]
struct AnyClient {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        key_check(end_entity, intermediates).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls12_refuse())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature_check(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

fn key_check(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<[u8; 32], Error> {
    match spki_parse(end_entity) {
        Some(key) if intermediates.is_empty() => Ok(key),
        _ => Err(CertificateError::BadEncoding.into()),
    }
}

fn signature_check(
    message: &[u8],
    spki: &[u8],
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = SubjectPublicKeyInfoDer::from(spki);
    verify_tls13_signature_with_raw_key(message, &spki, signature, algorithms)
}

fn tls12_refuse() -> Error {
    PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Endpoint, NetError};

    /// RFC 8032, section 7.1, test 1.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
        0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
        0x7f, 0x60,
    ];
    const PUBLIC_KEY: [u8; 32] = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
        0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07,
        0x51, 0x1a,
    ];

    #[test]
    fn a_seed_gives_the_public_key_of_rfc_8032() {
        assert_eq!(DeviceKey::from_seed(SEED).public_key(), PUBLIC_KEY);
    }

    #[test]
    fn debug_output_shows_the_public_key_only() {
        let expected = format!("DeviceKey {{ public_key: {PUBLIC_KEY:?} }}");
        assert_eq!(format!("{:?}", DeviceKey::from_seed(SEED)), expected);
    }

    #[tokio::test]
    async fn a_key_without_its_secret_proves_nothing() {
        async fn check(caller: &DeviceKey, called: &DeviceKey, caller_fails: bool) {
            let loopback = ([127, 0, 0, 1], 0).into();
            let client = Endpoint::bind(caller, loopback).unwrap();
            let server = Endpoint::bind(called, loopback).unwrap();
            let accepting = async { server.accept().await.unwrap().finish().await };
            let connecting = client.connect(server.local_addr(), Some(called.public_key()));
            let (connected, accepted) = tokio::join!(connecting, accepting);
            // The one that calls is done before its own key is judged (trust 0.1).
            assert_eq!(connected.is_err(), caller_fails, "{connected:?}");
            assert!(matches!(accepted, Err(NetError::Handshake { .. })), "{accepted:?}");
        }
        let honest = DeviceKey::from_seed([8; 32]);
        let signer = DeviceKey::from_seed([7; 32]).signer;
        let impostor = DeviceKey { signer, public_key: PUBLIC_KEY };
        check(&honest, &impostor, true).await;
        check(&impostor, &honest, false).await;
    }

    #[test]
    fn only_a_plain_ed25519_key_is_a_key() {
        fn check(spki: &[u8], expected: Option<[u8; 32]>) {
            assert_eq!(spki_parse(spki), expected, "{spki:?}");
        }
        let good = [&SPKI_PREFIX[..], &PUBLIC_KEY].concat();
        check(&good, Some(PUBLIC_KEY));
        check(&[], None);
        check(&PUBLIC_KEY, None);
        check(&good[..43], None);
        check(&[&good[..], &[0]].concat(), None);
        // X25519 (1.3.101.110) in place of Ed25519 (1.3.101.112).
        let mut other = good;
        other[8] = 0x6e;
        check(&other, None);
    }
}
