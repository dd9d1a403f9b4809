//! A client made with quinn and rustls alone, which trusts every server and may lack a key.
//! It stands for software that is not ours; what it sends is up to the test.

use std::net::SocketAddr;
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Connects from a fresh socket; presents a key only if there is a seed for one.
pub async fn connect(
    address: SocketAddr,
    alpn: &[u8],
    key_seed: Option<[u8; 32]>,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let client = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("the test sets it up");
    connect_from(&client, address, alpn, key_seed).await
}

/// Connects from a socket of the test; names no protocol when `alpn` is empty.
pub async fn connect_from(
    client: &quinn::Endpoint,
    address: SocketAddr,
    alpn: &[u8],
    key_seed: Option<[u8; 32]>,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let mut config = tls_config(key_seed);
    if !alpn.is_empty() {
        config.alpn_protocols = vec![alpn.to_vec()];
    }
    let crypto = QuicClientConfig::try_from(config).expect("the test sets it up");
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    client.connect_with(config, address, "onex").expect("the test sets it up").await
}

fn tls_config(key_seed: Option<[u8; 32]>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the test sets it up")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting));
    match key_seed.map(certified) {
        Some(key) => builder.with_client_cert_resolver(Arc::new(
            AlwaysResolvesClientRawPublicKeys::new(Arc::new(key)),
        )),
        None => builder.with_no_client_auth(),
    }
}

fn certified(seed: [u8; 32]) -> CertifiedKey {
    let prefix = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let pkcs8 = PrivatePkcs8KeyDer::from([&prefix[..], &seed].concat());
    let signer = ring::sign::any_eddsa_type(&pkcs8).expect("the test sets it up");
    let spki = CertificateDer::from(signer.public_key().expect("the test sets it up").to_vec());
    CertifiedKey::new(vec![spki], signer)
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
