//! The card's private operation: RSA on a block the host has made up, which no signature library offers on its own.

use num_bigint::BigUint;
use x509_parser::asn1_rs::{Any, FromDer, Integer, Sequence};

use crate::cli::Failure;

/// Bytes of a signature.
pub(super) const SIZE: usize = 256;
/// What PKCS#1 v1.5 leaves room for.
pub(super) const ROOM: usize = SIZE - 11;

/// An RSA-2048 key by its numbers.
pub(super) struct Key {
    p: BigUint,
    q: BigUint,
    dp: BigUint,
    dq: BigUint,
    q_inverse: BigUint,
}

impl Key {
    /// From PKCS#8, as it is generated.
    pub(super) fn from_pkcs8(der: &[u8]) -> Result<Self, Failure> {
        let (_, outer) = Sequence::from_der(der).map_err(broken)?;
        let (rest, _version) = Integer::from_der(&outer.content).map_err(broken)?;
        let (rest, _algorithm) = Any::from_der(rest).map_err(broken)?;
        let (_, octets) = Any::from_der(rest).map_err(broken)?;
        let (_, inner) = Sequence::from_der(octets.data).map_err(broken)?;
        let mut numbers = Vec::new();
        let mut rest: &[u8] = &inner.content;
        while !rest.is_empty() {
            let (after, number) = Any::from_der(rest).map_err(broken)?;
            numbers.push(BigUint::from_bytes_be(number.data));
            rest = after;
        }
        let [_version, modulus, _, _, p, q, dp, dq, q_inverse] =
            <[BigUint; 9]>::try_from(numbers).map_err(|_| "not an RSA key of two primes")?;
        if modulus.bits() != 2048 {
            return Err("not an RSA key of 2048 bits".into());
        }
        Ok(Self { p, q, dp, dq, q_inverse })
    }

    /// PKCS#1 v1.5 block type 1 over `data` (1 to [`ROOM`] bytes) as it stands, then the private operation.
    pub(super) fn sign(&self, data: &[u8]) -> Option<[u8; SIZE]> {
        if data.is_empty() || data.len() > ROOM {
            return None;
        }
        let mut block = [0xFF; SIZE];
        let (head, tail) = block.split_at_mut(SIZE - data.len());
        tail.copy_from_slice(data);
        head[..2].copy_from_slice(&[0, 1]);
        if let Some(last) = head.last_mut() {
            *last = 0;
        }
        let signed = self.private(&BigUint::from_bytes_be(&block)).to_bytes_be();
        let mut signature = [0; SIZE];
        signature.get_mut(SIZE.checked_sub(signed.len())?..)?.copy_from_slice(&signed);
        Some(signature)
    }

    /// By the Chinese remainder theorem: four times as fast as the plain power.
    fn private(&self, block: &BigUint) -> BigUint {
        let by_p = block.modpow(&self.dp, &self.p);
        let by_q = block.modpow(&self.dq, &self.q);
        let apart = (&self.p + by_p - &by_q % &self.p) % &self.p;
        by_q + (apart * &self.q_inverse % &self.p) * &self.q
    }
}

fn broken(cause: impl std::fmt::Display) -> Failure {
    format!("a card's key does not parse: {cause}").into()
}
