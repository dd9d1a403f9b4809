//! Text around bytes that people carry: files on a stick, on paper, by any way that keeps letters.
//!
//! The first line says what it is and in which version; the rest is base32 in Crockford's alphabet.
//! What the bytes mean is not known here.

use onex_crdt::ids::Digest;

/// Returns the text: a line with what it is, then base32 of the bytes and of eight bytes of their
/// SHA-256, in lines of 64.
pub fn encode(what: &str, bytes: &[u8]) -> String {
    let whole = [bytes, &check_bytes(bytes)[..]].concat();
    let digits = base32_encode(&whole);
    let lines = digits.as_bytes().chunks(LINE_CHARS).map(|line| line.escape_ascii());
    lines.fold(format!("{what}/{VERSION}\n"), |text, line| format!("{text}{line}\n"))
}

/// Reads such a text. Case, spaces, line ends and the letters O, I, L for the digits 0, 1, 1 are
/// forgiven.
pub fn decode(what: &str, text: &str, text_max: usize) -> Result<Vec<u8>, ArmourError> {
    if text.len() > text_max {
        return Err(ArmourError::SomethingElse);
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let (first, rest) = text.split_once(['\n', '\r']).unwrap_or((text, ""));
    version_check(what, first)?;
    let mut bytes = base32_decode(rest).ok_or(ArmourError::Damaged)?;
    let at = bytes.len().checked_sub(CHECK_BYTES).ok_or(ArmourError::Damaged)?;
    let check = bytes.split_off(at);
    if check == check_bytes(&bytes) { Ok(bytes) } else { Err(ArmourError::Damaged) }
}

/// Returns 16 bytes as a code to be typed: 26 characters, of which the last holds two bits more,
/// and one that checks; the two bits and it are seven bits of SHA-256. In groups of three.
pub fn code_encode(bytes: &[u8; 16]) -> String {
    let hash = Digest::over(&[CODE_DOMAIN, bytes]).0;
    let mut digits: Vec<u8> = base32_encode(bytes).into_bytes();
    let last = digits.pop().and_then(|digit| base32_value(digit.into())).unwrap_or_default();
    for value in [last | u32::from(hash[0] & 3), u32::from(hash[1] & 31)] {
        digits.push(BASE32[value as usize]);
    }
    let groups = digits.chunks(CODE_GROUP).map(|group| group.escape_ascii().to_string());
    groups.collect::<Vec<_>>().join("-")
}

/// Reads a code as people type it; nothing where a character is missing, added or mistaken.
pub fn code_decode(text: &str) -> Option<[u8; 16]> {
    let digits = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '－' | '—'));
    let values = digits.map(base32_value).collect::<Option<Vec<u32>>>()?;
    let (Ok(values), hidden) = (<[u32; CODE_CHARS]>::try_from(values), 3) else { return None };
    let [head @ .., last, _] = values;
    let text: String = head
        .into_iter()
        .chain([last & !hidden])
        .map(|value| char::from(BASE32[value as usize]))
        .collect();
    let bytes: [u8; 16] = base32_decode(&text)?.try_into().ok()?;
    let expected: String = code_encode(&bytes).chars().filter(|c| *c != '-').collect();
    let given: String = values.iter().map(|value| char::from(BASE32[*value as usize])).collect();
    (expected == given).then_some(bytes)
}

fn version_check(what: &str, first_line: &str) -> Result<(), ArmourError> {
    let line = first_line.trim().to_ascii_lowercase();
    let version = line.strip_prefix(what).and_then(|rest| rest.strip_prefix('/'));
    match version.and_then(|version| version.parse::<u32>().ok()) {
        None | Some(0) => Err(ArmourError::SomethingElse),
        Some(VERSION) => Ok(()),
        Some(version) => Err(ArmourError::NewerVersion { version }),
    }
}

fn check_bytes(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Digest::over(&[bytes]);
    hash.0[..CHECK_BYTES].try_into().expect("a hash has more bytes")
}

fn base32_encode(bytes: &[u8]) -> String {
    let (mut held, mut bits) = (0u32, 0);
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(BASE32[(held >> bits & 31) as usize].into());
        }
    }
    if bits > 0 {
        text.push(BASE32[(held << (5 - bits) & 31) as usize].into());
    }
    text
}

/// Returns nothing for a foreign character, a lone last one, or filling bits that are not zero.
fn base32_decode(text: &str) -> Option<Vec<u8>> {
    let (mut held, mut bits) = (0u32, 0);
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        held = (held << 5 | base32_value(c)?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(bytes)
}

fn base32_value(c: char) -> Option<u32> {
    let digit = match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let at = BASE32.iter().position(|known| char::from(*known) == digit)?;
    u32::try_from(at).ok()
}

const VERSION: u32 = 1;
const LINE_CHARS: usize = 64;
const CHECK_BYTES: usize = 8;
/// Characters of a code without the strokes between groups.
const CODE_CHARS: usize = 27;
const CODE_GROUP: usize = 3;
const CODE_DOMAIN: &[u8] = b"onex/code/1\0";
/// Crockford's alphabet: no I, L, O, U.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text holds no bytes of the kind that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmourError {
    /// Some other text.
    #[error("another kind of text")]
    SomethingElse,
    /// Made by a newer program.
    #[error("a text of version {version}, which this program does not know")]
    NewerVersion {
        /// Its version.
        version: u32,
    },
    /// Characters are missing, added or altered.
    #[error("the text is damaged")]
    Damaged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_its_own_inverse() {
        for length in 0..40u8 {
            let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37) ^ 0xa5).collect();
            assert_eq!(base32_decode(&base32_encode(&bytes)), Some(bytes));
        }
        assert_eq!(base32_encode(b"foobar"), "CSQPYRK1E8");
        assert_eq!(base32_decode("CR"), Some(b"f".to_vec()));
        assert_eq!(base32_decode("CS"), None);
        assert_eq!(base32_decode("C"), None);
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for n in 0..200u8 {
            let bytes: [u8; 16] = std::array::from_fn(|at| n.wrapping_mul(at as u8) ^ n);
            let code = code_encode(&bytes);
            assert_eq!(code.len(), 27 + 8, "{code}");
            assert_eq!(code_decode(&code), Some(bytes), "{code}");
            assert_eq!(code_decode(&code.to_lowercase().replace('-', " ")), Some(bytes));
            assert_eq!(code_decode(&code.replace('0', "o").replace('1', "L")), Some(bytes));
            assert_eq!(code_decode(&code[..code.len() - 1]), None);
            assert_eq!(code_decode(&format!("{code}0")), None);
        }
    }

    #[test]
    fn most_mistakes_in_a_code_are_seen_at_once() {
        let code = code_encode(&[0x5e; 16]).replace('-', "");
        let (mut altered, mut seen) = (0, 0);
        for at in 0..code.len() {
            for digit in BASE32.iter().map(|digit| char::from(*digit)) {
                let mut other = code.clone();
                other.replace_range(at..=at, digit.encode_utf8(&mut [0; 4]));
                altered += usize::from(other != code);
                seen += usize::from(other != code && code_decode(&other).is_none());
            }
        }
        assert!(seen * 100 >= altered * 98, "{seen} of {altered}");
        assert!(code_decode("").is_none() && code_decode("校").is_none());
    }
}
