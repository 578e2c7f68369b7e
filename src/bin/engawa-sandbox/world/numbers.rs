//! Check digits of insurers and offices: weights 2,1,2,1… from the right, digit sums of the products, modulus 10.

/// An insurer's six digits from its first five.
pub(crate) fn insurer(stem: &str) -> String {
    format!("{stem}{}", check(stem))
}

/// An office's ten characters from its first nine.
pub(crate) fn office(stem: &str) -> String {
    format!("{stem}{}", check(stem))
}

fn check(stem: &str) -> u32 {
    let sum: u32 = stem.chars().rev().zip([2, 1].into_iter().cycle()).map(|(c, w)| digits(value(c) * w)).sum();
    (10 - sum % 10) % 10
}

/// 0–9, then A=10 …; I, O and Q are skipped by the numbering.
fn value(c: char) -> u32 {
    const LETTERS: &str = "ABCDEFGHJKLMNPRSTUVWXYZ";
    c.to_digit(10).unwrap_or_else(|| LETTERS.find(c).and_then(|at| u32::try_from(at).ok()).map_or(0, |at| at + 10))
}

fn digits(n: u32) -> u32 {
    n / 10 + n % 10
}
