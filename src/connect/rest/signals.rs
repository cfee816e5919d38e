//! What an answer's headers tell of the system's limits: when to come back, and how much is left.

use crate::connect::Budget;
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use jiff::Timestamp;
use std::time::Duration;

/// From here on a reset is a point in time in seconds since 1970, not a number of seconds from now.
const EPOCH_SECONDS_MIN: f64 = 1e9;
/// From here on it is in milliseconds since 1970.
const EPOCH_MILLISECONDS_MIN: f64 = 1e12;

/// Header names of limit, remaining and reset, in the order in which they are looked for.
const BUDGET_HEADERS: [[&str; 3]; 3] = [
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"],
];

/// How long `Retry-After` asks to wait: seconds or an HTTP date. None when it is missing or can not be read.
///
/// A date that has passed, or a negative number, means at once.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse::<f64>() {
        Ok(seconds) => seconds_from(seconds),
        Err(_) => Some(until(read_date(text)?, headers)),
    }
}

/// The rate limit as the headers tell it; none when they do not say what remains.
pub(super) fn budget(headers: &HeaderMap) -> Option<Budget> {
    combined(headers).or_else(|| BUDGET_HEADERS.iter().find_map(|names| separate(headers, names)))
}

fn separate(headers: &HeaderMap, [limit, remaining, reset]: &[&str; 3]) -> Option<Budget> {
    let remaining = text(headers, remaining)?.trim().parse::<f64>().ok()?;
    Some(Budget {
        limit: text(headers, limit).and_then(leading_number),
        remaining: remaining.max(0.0) as u64,
        reset: text(headers, reset).and_then(|reset| reset.trim().parse().ok()).and_then(|at| reset_from(at, headers)),
    })
}

/// `RateLimit: limit=100, remaining=50, reset=30`, or `RateLimit: "default";r=50;t=30`.
/// Of several policies the one counts that has the least left.
fn combined(headers: &HeaderMap) -> Option<Budget> {
    let value = text(headers, "ratelimit")?;
    if member(value, &[',', ';'], "remaining").is_some() {
        return Some(Budget {
            limit: member(value, &[',', ';'], "limit").and_then(leading_number),
            remaining: member(value, &[',', ';'], "remaining").and_then(leading_number)?,
            reset: member(value, &[',', ';'], "reset").and_then(leading_number).map(Duration::from_secs),
        });
    }
    let limit = text(headers, "ratelimit-policy").and_then(|policy| member(policy, &[';', ','], "q"));
    value
        .split(',')
        .filter_map(|policy| {
            Some(Budget {
                limit: limit.and_then(leading_number),
                remaining: member(policy, &[';'], "r").and_then(leading_number)?,
                reset: member(policy, &[';'], "t").and_then(leading_number).map(Duration::from_secs),
            })
        })
        .min_by_key(|budget| budget.remaining)
}

fn member<'a>(text: &'a str, between: &[char], name: &str) -> Option<&'a str> {
    text.split(between).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `100` of `100, 100;w=60`.
fn leading_number(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

fn reset_from(number: f64, headers: &HeaderMap) -> Option<Duration> {
    if number < EPOCH_SECONDS_MIN {
        return seconds_from(number);
    }
    let milliseconds = if number < EPOCH_MILLISECONDS_MIN { number * 1000.0 } else { number };
    Some(until(Timestamp::from_millisecond(milliseconds as i64).ok()?, headers))
}

fn seconds_from(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().filter(|_| !seconds.is_nan())
}

/// Measured on the system's own clock where it tells it, so that neither clock needs to be right.
fn until(at: Timestamp, headers: &HeaderMap) -> Duration {
    let now = text(headers, DATE.as_str()).and_then(read_date).unwrap_or_else(Timestamp::now);
    at.duration_since(now).try_into().unwrap_or(Duration::ZERO)
}

fn read_date(text: &str) -> Option<Timestamp> {
    static PARSER: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    PARSER.parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    // Row 53 of the fault matrix.
    #[test]
    fn a_retry_after_in_seconds_is_read() {
        assert_eq!(retry_after(&headers(&[("retry-after", " 7 ")])), seconds(7));
    }

    // Row 53 of the fault matrix.
    #[test]
    fn a_retry_after_date_counts_from_the_date_of_the_answer() {
        let told =
            headers(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:51:37 GMT")]);
        assert_eq!(retry_after(&told), seconds(120));
    }

    // Row 53 of the fault matrix.
    #[test]
    fn a_retry_after_that_is_garbage_or_missing_is_none() {
        for garbage in ["soon", "", "NaN", "1 minute", "inf", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(retry_after(&headers(&[("retry-after", garbage)])), None, "{garbage}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    // Row 54 of the fault matrix.
    #[test]
    fn a_retry_after_in_the_past_is_at_once_and_one_far_off_is_told_whole() {
        assert_eq!(retry_after(&headers(&[("retry-after", "-5")])), seconds(0));
        assert_eq!(retry_after(&headers(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")])), seconds(0));
        assert_eq!(retry_after(&headers(&[("retry-after", "86400")])), seconds(86_400));
        let far =
            headers(&[("date", "Thu, 01 Jan 2026 00:00:00 GMT"), ("retry-after", "Thu, 01 Jan 2099 00:00:00 GMT")]);
        assert!(retry_after(&far) > seconds(70 * 365 * 86_400));
    }

    #[test]
    fn every_spelling_of_a_rate_limit_is_read() {
        let expected = Some(Budget { limit: Some(100), remaining: 50, reset: seconds(30) });
        for told in [
            &[("ratelimit", "limit=100, remaining=50, reset=30")][..],
            &[("ratelimit", r#""default";r=50;t=30"#), ("ratelimit-policy", r#""default";q=100;w=60"#)],
            &[("ratelimit-limit", "100, 100;w=60"), ("ratelimit-remaining", "50"), ("ratelimit-reset", "30")],
            &[("x-ratelimit-limit", "100"), ("x-ratelimit-remaining", "50"), ("x-ratelimit-reset", "30")],
            &[("x-rate-limit-limit", "100"), ("x-rate-limit-remaining", "50"), ("x-rate-limit-reset", "30")],
        ] {
            assert_eq!(budget(&headers(told)), expected, "{told:?}");
        }
    }

    #[test]
    fn the_scarcest_of_several_policies_counts() {
        let told = headers(&[("ratelimit", r#""hour";r=900;t=3000, "burst";r=3;t=1"#)]);
        assert_eq!(budget(&told), Some(Budget { limit: None, remaining: 3, reset: seconds(1) }));
    }

    #[test]
    fn a_reset_in_epoch_seconds_or_milliseconds_counts_from_the_date_of_the_answer() {
        for reset in ["1767225660", "1767225660000"] {
            let told = headers(&[
                ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", reset),
            ]);
            assert_eq!(budget(&told).and_then(|budget| budget.reset), seconds(60), "{reset}");
        }
    }

    #[test]
    fn headers_that_do_not_say_what_remains_are_no_budget() {
        assert_eq!(budget(&headers(&[("x-ratelimit-limit", "100")])), None);
        assert_eq!(budget(&headers(&[("ratelimit", "what?")])), None);
    }
}
