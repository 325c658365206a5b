//! Numbers as people write them: `200k`, `1,000`, and nothing for no limit.

use crate::domain::credits::Credits;
use crate::domain::problem::Check;

const LETTERS: [(&str, u64); 7] = [
    ("bn", 1_000_000_000),
    ("b", 1_000_000_000),
    ("m", 1_000_000),
    ("mio", 1_000_000),
    ("k", 1_000),
    ("t", 1_000),
    ("", 1),
];

/// Reads a whole number; blank is `None`. What cannot be read is noted beside `field`, and also `None`.
pub fn read_count(check: &mut Check, field: &str, text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let count = count(text);
    check.that(count.is_some(), field, not_a_number(text));
    count
}

/// Reads credits; blank is `None`. What cannot be read is noted beside `field`, and also `None`.
pub fn read_credits(check: &mut Check, field: &str, text: &str) -> Option<Credits> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let credits = ungrouped(text).and_then(|plain| Credits::parse(&plain)).filter(|credits| *credits >= Credits::ZERO);
    check.that(credits.is_some(), field, not_an_amount(text));
    credits
}

fn count(text: &str) -> Option<u64> {
    let lower = text.to_lowercase();
    let letters = lower.find(|c: char| c.is_alphabetic()).unwrap_or(lower.len());
    let (number, letters) = (lower[..letters].trim_end(), &lower[letters..]);
    let unit = LETTERS.iter().find(|(letter, _)| *letter == letters)?.1;
    let number = ungrouped(number)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    if fraction.len() > 9 || (whole == 0 && fraction.is_empty() && !number.contains('0')) {
        return None;
    }
    // 1.25k is 1250; 1.2345k is not a whole number.
    let parts = fraction.parse::<u64>().unwrap_or(0).checked_mul(unit)?;
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    (parts % scale == 0).then_some(())?;
    let count = whole.checked_mul(unit)?.checked_add(parts / scale)?;
    i64::try_from(count).is_ok().then_some(count)
}

/// Takes out the marks between thousands, if they stand where they should: `1,000`, `1 000`, `1_000`, `1’000`.
fn ungrouped(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts: Vec<&str> = whole.split([',', ' ', '_', '’', '\'', '\u{a0}', '\u{202f}']).collect();
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped =
        parts.len() == 1 || (1..=3).contains(&parts[0].len()) && parts[1..].iter().all(|part| part.len() == 3);
    if !grouped || !parts.iter().all(|part| digits(part)) || !digits(fraction) {
        return None;
    }
    let point = if text.contains('.') { "." } else { "" };
    Some(format!("{}{point}{fraction}", parts.concat()))
}

fn not_a_number(text: &str) -> String {
    // What would be left if only what belongs in a number were kept: a good guess at what was meant.
    let number: String = text.chars().filter(|c| c.is_ascii_digit() || ".,".contains(*c)).collect();
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let known = LETTERS.iter().any(|(letter, _)| *letter == letters);
    let kept = if known { number + &letters } else { number };
    let shown = shorten(text);
    match count(&kept) {
        Some(meant) if kept != meant.to_string() => format!("“{shown}” is not a number. Write {meant} or {kept}."),
        Some(meant) => format!("“{shown}” is not a number. Write {meant}."),
        None => format!("“{shown}” is not a whole number. Write one such as 200000 or 200k; blank is unlimited."),
    }
}

fn not_an_amount(text: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|c| c.is_ascii_digit() || ".,".contains(*c))
        .map(|c| if c == ',' { '.' } else { c })
        .collect();
    let shown = shorten(text);
    match Credits::parse(&kept) {
        Some(meant) => format!("“{shown}” is not an amount. Write {meant}."),
        None => format!("“{shown}” is not an amount. Write credits such as 12.50; blank is unlimited."),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 24 {
        text.to_owned()
    } else {
        format!("{}…", text.chars().take(23).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(text: &str) -> Result<Option<u64>, String> {
        let mut check = Check::default();
        let count = read_count(&mut check, "limits.tpm", text);
        check.done().map(|()| count).map_err(|problem| problem.message)
    }

    fn credits_of(text: &str) -> Result<Option<String>, String> {
        let mut check = Check::default();
        let credits = read_credits(&mut check, "limits.monthly_spend", text);
        check.done().map(|()| credits.map(|credits| credits.to_string())).map_err(|problem| problem.message)
    }

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (text, number) in [
            ("60", 60),
            (" 200k ", 200_000),
            ("1,000", 1_000),
            ("1 000 000", 1_000_000),
            ("1.5M", 1_500_000),
            ("2bn", 2_000_000_000),
            ("10 m", 10_000_000),
            ("0", 0),
        ] {
            assert_eq!(count_of(text), Ok(Some(number)), "{text}");
        }
        assert_eq!(count_of("  "), Ok(None));
    }

    #[test]
    fn what_is_not_a_number_is_answered_with_what_may_have_been_meant() {
        for (text, message) in [
            ("200k!", "“200k!” is not a number. Write 200000 or 200k."),
            ("60/min", "“60/min” is not a number. Write 60."),
            ("$60", "“$60” is not a number. Write 60."),
            ("many", "“many” is not a whole number. Write one such as 200000 or 200k; blank is unlimited."),
            ("1.5", "“1.5” is not a whole number. Write one such as 200000 or 200k; blank is unlimited."),
            (".", "“.” is not a whole number. Write one such as 200000 or 200k; blank is unlimited."),
        ] {
            assert_eq!(count_of(text), Err(message.to_owned()), "{text}");
        }
        assert!(count_of("99999999999bn").is_err() && count_of("1,00").is_err() && count_of("-5").is_err());
    }

    #[test]
    fn credits_are_read_as_people_write_them() {
        for (text, credits) in [("200", "200.00"), ("1,284.07", "1284.07"), (".5", "0.50"), ("0.000001", "0.000001")] {
            assert_eq!(credits_of(text), Ok(Some(credits.to_owned())), "{text}");
        }
        assert_eq!(credits_of(""), Ok(None));
        assert_eq!(credits_of("12,50"), Err("“12,50” is not an amount. Write 12.50.".to_owned()));
        assert_eq!(credits_of("$5"), Err("“$5” is not an amount. Write 5.00.".to_owned()));
        assert!(credits_of("free").is_err() && credits_of("-1").is_err());
    }
}
