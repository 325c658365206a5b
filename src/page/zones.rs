//! Time zones to choose from.

use std::fmt::Write;
use std::sync::LazyLock;

/// The places of the time zone database, without its old names for them, as `<option>`s.
pub fn options() -> &'static str {
    &OPTIONS
}

static OPTIONS: LazyLock<String> = LazyLock::new(|| {
    let old = ["Etc/", "US/", "Canada/", "Mexico/", "Brazil/", "Chile/", "SystemV/", "posix/", "right/"];
    let mut options = String::from("<option value=\"UTC\">");
    for name in jiff::tz::db().available() {
        let name = name.as_str();
        if name.contains('/') && !old.iter().any(|old| name.starts_with(old)) {
            _ = write!(options, "<option value=\"{name}\">");
        }
    }
    options
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::period::Zone;

    #[test]
    fn every_zone_that_is_suggested_is_one_and_once() {
        let mut names: Vec<_> = options().split('"').skip(1).step_by(2).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| Zone::parse(name).is_some()));
        for known in ["UTC", "Asia/Shanghai", "Europe/Berlin"] {
            assert!(names.contains(&known), "{known}");
        }
    }
}
