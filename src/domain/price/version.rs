//! Versions of a model's price: each begins at an instant, by itself, and is in force until another begins. A call keeps
//! the version it was charged by.

use super::Price;
use crate::domain::id::AccountId;
use crate::domain::time::Time;

/// One version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceVersion {
    pub model: String,
    /// 1, 2, 3 … of each model's name, also after a model was deleted and made anew.
    pub version: u64,
    pub starts_at: Time,
    /// `None`: from then on the model has no price, and its calls are refused.
    pub price: Option<Price>,
    /// Where it is from: `entered`, or which list it was imported from.
    pub source: String,
    /// Who made it; nobody where it came with the installation.
    pub created_by: Option<AccountId>,
    pub created_at: Time,
}

/// The version in force at an instant: the one that began last, and of several that began at once the newest, so that a
/// version yet to come is replaced by another with the same start.
pub fn in_force(versions: &[PriceVersion], at: Time) -> Option<&PriceVersion> {
    let begun = versions.iter().filter(|version| version.starts_at <= at);
    begun.max_by_key(|version| (version.starts_at, version.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: u64, starts_at: i64) -> PriceVersion {
        let (model, source) = (String::new(), String::new());
        let (starts_at, created_at) = (Time::from_micros(starts_at), Time::EPOCH);
        PriceVersion { model, version, starts_at, price: None, source, created_by: None, created_at }
    }

    #[test]
    fn the_version_that_began_last_is_in_force_and_of_two_with_one_start_the_newer() {
        // The third was made after the second, and begins before it.
        let versions = [version(1, 0), version(2, 50), version(3, 20), version(4, 50)];
        for (at, expected) in [(-1, None), (0, Some(1)), (19, Some(1)), (20, Some(3)), (49, Some(3)), (50, Some(4))] {
            let found = in_force(&versions, Time::from_micros(at)).map(|version| version.version);
            assert_eq!(found, expected, "at {at}");
        }
    }
}
