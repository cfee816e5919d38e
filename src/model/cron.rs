//! A cron expression in a time zone: which moment comes next.
//!
//! The expression has the five fields of cron (minute, hour, day of month, month, day of week) or is one of its nicknames
//! (`@daily`). Where the clocks change, a fixed time runs once: one that the spring skips runs right after the gap, one that
//! the autumn repeats runs the first time. Times that recur (`*/10 * * * *`) run whenever a clock shows them.

use super::Timestamp;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use std::fmt;

/// Fixed times a day that are looked at one by one.
const FIXED_TIMES_MAX: usize = 96;

#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    zone_name: String,
    zone: TimeZone,
    /// One; or one for each time of the day where all are fixed, because only a single fixed time is carried over a gap.
    patterns: Vec<croner::Cron>,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, &self.zone_name) == (&other.text, &other.zone_name)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.zone_name)
    }
}

impl Cron {
    /// Reads an expression; what is wrong with it where it is none.
    pub fn parse(text: &str, zone_name: &str, zone: TimeZone) -> Result<Self, String> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let n_fields = text.split(' ').count();
        if !text.starts_with('@') && n_fields != 5 {
            return Err(format!("it has {n_fields} of the 5 fields minute, hour, day of month, month and day of week"));
        }
        let patterns = match fixed_times(&text) {
            Some(times) => times.iter().map(|time| parsed(time)).collect::<Result<_, _>>()?,
            None => vec![parsed(&text)?],
        };
        Ok(Self { text, zone_name: zone_name.to_owned(), zone, patterns })
    }

    /// The first moment of the expression after `at`; none where it never comes.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let at = at.to_jiff().to_zoned(self.zone.clone());
        let next = |pattern: &croner::Cron| pattern.find_next_occurrence(&at, false).ok();
        self.patterns.iter().filter_map(next).map(|next| Timestamp::from(next.timestamp())).min()
    }

    /// The moments after `at`, as the clocks of the zone show them: `2026-03-29 03:00 +02:00`.
    pub fn shown_after(&self, at: Timestamp, n: usize) -> Vec<String> {
        let next = |at: &Timestamp| self.next_after(*at);
        let moments = std::iter::successors(self.next_after(at), next).take(n);
        moments.map(|at| at.to_jiff().to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()).collect()
    }
}

fn parsed(text: &str) -> Result<croner::Cron, String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|error| reason(&error))
}

fn reason(error: &croner::errors::CronError) -> String {
    use croner::errors::CronError;
    let said = match error {
        CronError::InvalidPattern(text) | CronError::IllegalCharacters(text) | CronError::ComponentError(text) => text,
        other => &other.to_string(),
    };
    let said = said.trim_end_matches('.');
    let mut letters = said.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// An expression for each time of the day, where all of them are fixed and there is more than one.
fn fixed_times(text: &str) -> Option<Vec<String>> {
    let (minutes, rest) = text.split_once(' ')?;
    let (hours, days) = rest.split_once(' ')?;
    let (minutes, hours) = (numbers(minutes, 59)?, numbers(hours, 23)?);
    let n = minutes.len() * hours.len();
    (1 < n && n <= FIXED_TIMES_MAX).then(|| {
        let times = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| (hour, minute)));
        times.map(|(hour, minute)| format!("{minute} {hour} {days}")).collect()
    })
}

/// The numbers of a field that has only numbers and ranges of numbers.
fn numbers(field: &str, max: u32) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    for part in field.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || max < last {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(text: &str) -> Cron {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        Cron::parse(text, "Europe/Berlin", zone).expect("a cron expression")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::from(text.parse::<jiff::Timestamp>().expect("a time"))
    }

    fn shown(text: &str, after: &str, n: usize) -> Vec<String> {
        berlin(text).shown_after(at(after), n)
    }

    #[test]
    fn the_next_times_are_those_of_the_zone() {
        let next = shown("0 */2 * * *", "2026-01-10T10:59:59.999Z", 3);
        assert_eq!(next, ["2026-01-10 12:00 +01:00", "2026-01-10 14:00 +01:00", "2026-01-10 16:00 +01:00"]);
        assert_eq!(shown("30 6 * * MON", "2026-01-10T10:00:00Z", 1), ["2026-01-12 06:30 +01:00"]);
        assert_eq!(shown("@daily", "2026-01-10T10:00:00Z", 1), ["2026-01-11 00:00 +01:00"]);
    }

    #[test]
    fn a_time_is_not_its_own_next() {
        let cron = berlin("0 12 * * *");
        let noon = at("2026-01-10T11:00:00Z");
        assert_eq!(cron.next_after(noon), Some(at("2026-01-11T11:00:00Z")));
        assert_eq!(cron.next_after(at("2026-01-10T10:59:59.999Z")), Some(noon));
    }

    // Row 20 of the fault matrix.
    #[test]
    fn a_fixed_time_that_the_spring_skips_runs_once_after_the_gap() {
        let next = ["2026-03-28 02:30 +01:00", "2026-03-29 03:00 +02:00", "2026-03-30 02:30 +02:00"];
        assert_eq!(shown("30 2 * * *", "2026-03-27T12:00:00Z", 3), next);
        let several = ["2026-03-29 01:15 +01:00", "2026-03-29 03:00 +02:00", "2026-03-30 01:15 +02:00"];
        assert_eq!(shown("15 1,2 * * *", "2026-03-28T12:00:00Z", 3), several);
    }

    // Row 20 of the fault matrix.
    #[test]
    fn a_fixed_time_that_the_autumn_repeats_runs_once() {
        let next = ["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"];
        assert_eq!(shown("30 2 * * *", "2026-10-24T12:00:00Z", 2), next);
        let several = ["2026-10-25 02:00 +02:00", "2026-10-25 02:30 +02:00", "2026-10-26 02:00 +01:00"];
        assert_eq!(shown("0,30 2 * * *", "2026-10-24T12:00:00Z", 3), several);
        // Asked in the hour that is the second one of its name.
        assert_eq!(shown("30 2 * * *", "2026-10-25T01:10:00Z", 1), ["2026-10-26 02:30 +01:00"]);
    }

    #[test]
    fn a_time_that_recurs_runs_in_both_hours_of_one_name() {
        let next = ["2026-10-25 02:00 +02:00", "2026-10-25 02:00 +01:00", "2026-10-25 03:00 +01:00"];
        assert_eq!(shown("0 * * * *", "2026-10-24T23:30:00Z", 3), next);
    }

    #[test]
    fn what_is_no_expression_is_told_why() {
        let refused = |text| Cron::parse(text, "UTC", TimeZone::UTC).expect_err("no expression");
        let fields = "of the 5 fields minute, hour, day of month, month and day of week";
        assert_eq!(refused("* * *"), format!("it has 3 {fields}"));
        assert_eq!(refused("0 0 12 * * *"), format!("it has 6 {fields}"));
        assert_eq!(refused("61 * * * *"), "number out of bounds");
        assert!(!refused("@fortnightly").is_empty());
        assert!(!refused("0 12 * * Mo").is_empty());
        assert_eq!(refused(""), format!("it has 1 {fields}"));
    }

    #[test]
    fn a_day_that_no_month_has_never_comes() {
        assert_eq!(berlin("0 0 30 2 *").next_after(at("2026-01-10T10:00:00Z")), None);
    }
}
