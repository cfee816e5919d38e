//! Values that are written as texts: durations, sizes, times.

use std::time::Duration;

const DURATION_UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads `"250ms"`, `"30s"`, `"5m"`, `"12h"` or `"1d"`; the reason when it is none.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    quantity(text, DURATION_UNITS).map(Duration::from_millis)
}

/// Reads `"512B"`, `"64KiB"`, `"10MiB"` or `"1GiB"` as bytes; the reason when it is none.
pub(super) fn size(text: &str) -> Result<u64, String> {
    quantity(text, SIZE_UNITS)
}

/// Reads a time with its offset (RFC 3339); the reason when it is none.
pub(super) fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| {
        if text.parse::<jiff::civil::DateTime>().is_ok() {
            "it lacks its offset from UTC, such as `Z` or `+02:00`".to_owned()
        } else {
            "it is no RFC 3339 time".to_owned()
        }
    })
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let names = || super::declare::listed(units.iter().map(|(name, _)| *name));
    if number.is_empty() {
        return Err("it does not begin with a whole number".into());
    }
    if unit.is_empty() {
        return Err(format!("it lacks a unit, one of {}", names()));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("its unit is none of {}", names()));
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)).ok_or_else(|| "it is too large".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(duration("1d"), Ok(Duration::from_secs(86_400)));
    }

    #[test]
    fn a_duration_that_is_none_is_told_why() {
        for text in ["", "30", "s", "1.5s", "30 s", "99999999999999999999s", "18446744073709551615h", "-1s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("30"), Err("it lacks a unit, one of `ms`, `s`, `m`, `h` and `d`".into()));
    }

    #[test]
    fn a_size_counts_in_powers_of_two() {
        assert_eq!(size("512B"), Ok(512));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("10MiB"), Ok(10_485_760));
        assert!(size("10MB").is_err());
    }

    #[test]
    fn a_time_needs_its_offset() {
        assert!(time("2020-01-01T00:00:00Z").is_ok());
        assert!(time("2020-01-01T00:00:00+02:00").is_ok());
        assert_eq!(time("2020-01-01T00:00:00"), Err("it lacks its offset from UTC, such as `Z` or `+02:00`".into()));
        assert_eq!(time("yesterday"), Err("it is no RFC 3339 time".into()));
    }
}
