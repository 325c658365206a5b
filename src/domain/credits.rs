//! Money: whole nano-credits (10^-9), never floating point. One credit is one USD unless the operator renames it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// An amount of money. Ranges over about +-9.2 billion credits; sums saturate there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(i64);

const NANOS: i64 = 1_000_000_000;

impl Credits {
    pub const ZERO: Credits = Credits(0);
    pub const MAX: Credits = Credits(i64::MAX);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Reads a plain decimal such as `12.50`: digits, at most one point, at most nine decimals, an optional minus.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || fraction.len() > 9 || !plain(whole) || !plain(fraction) {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
        let nanos = whole.checked_mul(NANOS)?.checked_add(fraction)?;
        Some(Self(if negative { -nanos } else { nanos }))
    }

    /// All nine decimals, as a log row states a cost.
    pub fn exact(self) -> String {
        self.with_decimals(9)
    }

    /// Rounded half away from zero to `decimals` (at most nine): how a person reads money.
    pub fn rounded(self, decimals: u32) -> String {
        let unit = 10_i64.pow(9 - decimals.min(9));
        let half = unit / 2 * self.0.signum();
        Self(self.0.saturating_add(half) / unit * unit).with_decimals(decimals as usize)
    }

    fn with_decimals(self, decimals: usize) -> String {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let fraction = format!("{:09}", nanos % NANOS as u64);
        let point = if decimals == 0 { "" } else { "." };
        format!("{sign}{}{point}{}", nanos / NANOS as u64, &fraction[..decimals])
    }
}

/// As short as is exact, with no fewer than two decimals: `12.50`, `0.000123`.
impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.exact();
        let shortest = exact.len() - 7;
        f.write_str(&exact[..exact.trim_end_matches('0').len().max(shortest)])
    }
}

impl Add for Credits {
    type Output = Credits;
    fn add(self, other: Credits) -> Credits {
        Credits(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Credits {
    fn add_assign(&mut self, other: Credits) {
        *self = *self + other;
    }
}

impl Sub for Credits {
    type Output = Credits;
    fn sub(self, other: Credits) -> Credits {
        Credits(self.0.saturating_sub(other.0))
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Credits>>(all: I) -> Credits {
        all.fold(Credits::ZERO, Add::add)
    }
}

impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Credits::parse(&text)
            .ok_or_else(|| de::Error::custom(format!("{text:?} is not an amount: write a decimal such as \"12.50\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn money_reads_as_people_write_it() {
        for (text, nanos) in
            [("12.50", 12_500_000_000), ("0.000000001", 1), (".5", 500_000_000), ("-3", -3_000_000_000)]
        {
            assert_eq!(Credits::parse(text), Some(Credits(nanos)), "{text}");
        }
        for text in ["", ".", "1e3", "0.0000000001", "12,5", "1 000", "99999999999", "--1", "+1"] {
            assert_eq!(Credits::parse(text), None, "{text}");
        }
    }

    #[test]
    fn money_is_shown_as_short_as_is_exact() {
        for (nanos, text) in [(12_500_000_000, "12.50"), (123_000, "0.000123"), (0, "0.00"), (-1, "-0.000000001")] {
            assert_eq!(Credits(nanos).to_string(), text);
        }
        assert_eq!(Credits(1_234_567_890).rounded(2), "1.23");
        assert_eq!(Credits(1_235_000_000).rounded(2), "1.24");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(nanos in any::<i64>()) {
            prop_assume!(nanos != i64::MIN);
            prop_assert_eq!(Credits::parse(&Credits(nanos).to_string()), Some(Credits(nanos)));
            prop_assert_eq!(Credits::parse(&Credits(nanos).exact()), Some(Credits(nanos)));
        }
    }
}
