//! A JSON number as an amount, exactly.

use crate::domain::credits::Credits;

/// More digits than any price has, and few enough that nothing overflows.
const MOST_DIGITS: usize = 30;

/// What a program keeps as a double and writes out again has 16 or 17 significant digits, of which 15 are what was once
/// entered: `1.0000000000000001e-07` is 0.0000001.
const DIGITS_OF_A_DOUBLE: i128 = 1_000_000_000_000_000;

const NO_NUMBER: &str = "which is no price";
const TOO_FINE: &str = "which is finer than a nano-credit";

/// Reads `2.5e-06` and the like as credits, times ten to the power of `shift`: a price for one token is 10^6 times as much
/// for a million.
///
/// # Errors
/// Where it is no number, is below zero, or is finer than a nano-credit: it would have to be rounded, and nobody said how.
pub fn credits(text: &str, shift: i32) -> Result<Credits, &'static str> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().map_err(|_| NO_NUMBER)?)
        }
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.starts_with('-') && mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        return Err("which is below zero");
    }
    let digits = format!("{}{fraction}", whole.strip_prefix('-').unwrap_or(whole));
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NO_NUMBER);
    }
    let number: i128 = digits.parse().map_err(|_| NO_NUMBER)?;
    if number == 0 {
        return Ok(Credits::ZERO);
    }
    let fraction = i32::try_from(fraction.len()).map_err(|_| NO_NUMBER)?;
    let places = exponent.saturating_sub(fraction).saturating_add(shift).saturating_add(9);
    match (nanos(number, places), number / DIGITS_OF_A_DOUBLE) {
        (Err(TOO_FINE), 1..10) => nanos((number + 5) / 10, places + 1),
        (Err(TOO_FINE), 10..100) => nanos((number + 50) / 100, places + 2),
        (exact, _) => exact,
    }
}

/// `number` times ten to the power of `places`.
fn nanos(number: i128, places: i32) -> Result<Credits, &'static str> {
    let power = 10_i128.checked_pow(places.unsigned_abs()).ok_or(NO_NUMBER)?;
    let nanos = match places {
        0.. => number.checked_mul(power).ok_or("which is too much")?,
        _ if number % power == 0 => number / power,
        _ => return Err(TOO_FINE),
    };
    i64::try_from(nanos).map(Credits::from_nanos).map_err(|_| "which is too much")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_to_the_last_digit_or_not_at_all() {
        for (text, shift, said) in [
            ("2.5e-06", 6, "2.50"),
            ("2.5E-6", 6, "2.50"),
            ("1e-05", 6, "10.00"),
            ("0.0000025", 6, "2.50"),
            ("3.33333333e-07", 6, "0.333333333"),
            ("0", 6, "0.00"),
            ("0.0e-99", 6, "0.00"),
            ("-0.0", 0, "0.00"),
            ("1.25", 0, "1.25"),
            ("1e3", 0, "1000.00"),
            ("1e+3", 0, "1000.00"),
            // As doubles are written.
            ("1.0000000000000001e-07", 6, "0.10"),
            ("9.499999999999999e-07", 6, "0.95"),
            ("1.5000020000000002e-05", 6, "15.00002"),
            ("9.999999999999999", 0, "10.00"),
            ("1000000000000000", -10, "100000.00"),
            // Exact as it stands, however long.
            ("12345678.123456789", 0, "12345678.123456789"),
        ] {
            assert_eq!(credits(text, shift).map(|price| price.to_string()), Ok(said.to_owned()), "{text}");
        }
        for (text, shift) in [
            ("3.3333333333333335e-05", 6),
            ("1.000000000000000001e-07", 6),
            ("3.333333333e-07", 6),
            ("1e-10", 0),
            ("-1", 0),
            ("1e40", 0),
            ("1e99999999999", 0),
            ("\"1\"", 0),
            ("true", 0),
            ("", 0),
            ("1e", 0),
            (".", 0),
        ] {
            assert!(credits(text, shift).is_err(), "{text}");
        }
    }
}
