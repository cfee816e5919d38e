//! Spans and moments as people write them in a filter.

use crate::model::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::time::Duration;

/// Reads `90s`, `30m`, `2h`, `1d`, `2w`, also together: `1h30m`.
pub(crate) fn read_span(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut digits = String::new();
    let mut is_empty = true;
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        let number: u64 = std::mem::take(&mut digits).parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        is_empty = false;
    }
    // A number without its unit could be anything.
    (digits.is_empty() && !is_empty && seconds <= u64::from(u32::MAX)).then(|| Duration::from_secs(seconds))
}

/// Reads a span before `now`, a time of the last 24 hours, a date, or both; in UTC, as the screens show times.
pub fn read_moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(span) = read_span(text) {
        return Some(now.minus(span));
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.into());
    }
    let today = now.to_jiff().to_zoned(TimeZone::UTC).date();
    let at = |date_time: DateTime| Some(Timestamp::from(date_time.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    let time = |text: &str| Time::strptime("%H:%M:%S", text).or_else(|_| Time::strptime("%H:%M", text)).ok();
    if let Some(time) = time(text) {
        let of_today = at(today.to_datetime(time))?;
        return if of_today <= now { Some(of_today) } else { at(today.yesterday().ok()?.to_datetime(time)) };
    }
    // A date's own parser takes a time with it, and drops it.
    let date = |text: &str| Date::strptime("%Y-%m-%d", text);
    if let Ok(date) = date(text) {
        return at(date.to_datetime(Time::midnight()));
    }
    let (day, clock) = text.rsplit_once([' ', 'T'])?;
    let (day, clock) = match time(clock) {
        Some(time) => (day, time),
        None => (text, Time::midnight()),
    };
    if let Ok(date) = date(day) {
        return at(date.to_datetime(clock));
    }
    // `Mar 02`: of this year, or of the last one where that would lie ahead.
    let of = |year: i16| {
        Date::strptime("%Y %b %d", format!("{year} {day}")).ok().and_then(|date| at(date.to_datetime(clock)))
    };
    match of(today.year()) {
        Some(moment) if moment > now => of(today.year() - 1),
        moment => moment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T14:32:07Z.
    const NOW: Timestamp = Timestamp(1_772_461_927_000);

    #[test]
    fn spans_have_units() {
        assert_eq!(read_span("2h"), Some(Duration::from_secs(7_200)));
        assert_eq!(read_span("1h30m"), Some(Duration::from_secs(5_400)));
        for wrong in ["", "2", "h", "2x", "1h30", "99999999999999999999h"] {
            assert_eq!(read_span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let read = |text: &str| read_moment(text, NOW).map(|at| at.to_string());
        let expect = |text: &str, at: &str| assert_eq!(read(text).as_deref(), Some(at), "{text}");
        expect("2h", "2026-03-02T12:32:07Z");
        expect("14:00", "2026-03-02T14:00:00Z");
        expect("15:00", "2026-03-01T15:00:00Z");
        expect("2026-02-28", "2026-02-28T00:00:00Z");
        expect("2026-02-28 10:30", "2026-02-28T10:30:00Z");
        expect("2026-02-28T10:30:00+01:00", "2026-02-28T09:30:00Z");
        expect("Mar 02 14:00", "2026-03-02T14:00:00Z");
        expect("Dec 24 18:00", "2025-12-24T18:00:00Z");
        expect("Mar 01", "2026-03-01T00:00:00Z");
        for wrong in ["", "soon", "25:00", "2026-02-30", "Foo 02"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
