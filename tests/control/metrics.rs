//! `/metrics` keeps the rules of OpenMetrics.

use crate::desk::{CUSTOMERS, Desk};
use std::collections::BTreeMap;

/// Reads OpenMetrics text as strictly as a scraper would; returns each sample with its figure.
fn read(text: &str) -> BTreeMap<String, f64> {
    let body = text.strip_suffix("# EOF\n").expect("the text ends with its end mark");
    assert!(!body.contains("# EOF"), "one end mark");
    let mut samples = BTreeMap::new();
    let mut families = Vec::new();
    let mut family: Option<(String, String, bool)> = None;
    for line in body.lines() {
        assert!(!line.trim().is_empty() && line.trim_end() == line, "no empty line and no spaces at an end: {line:?}");
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a type");
            assert!(["counter", "gauge", "info", "stateset"].contains(&kind), "{line}");
            assert!(!families.contains(&name.to_owned()), "a family stands in one place: {line}");
            let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            assert!(is_name && !name.ends_with("_total") && !name.ends_with("_info"), "{line}");
            families.push(name.to_owned());
            family = Some((name.to_owned(), kind.to_owned(), false));
            continue;
        }
        let (name, kind, has_help) = family.as_mut().expect("a type comes first");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.starts_with(&format!("{name} ")) && !*has_help, "{line}");
            *has_help = true;
            continue;
        }
        assert!(*has_help && !line.starts_with('#'), "{line}");
        let (sample, figure) = line.rsplit_once(' ').expect("a sample and its figure");
        let figure: f64 = figure.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        let (sample_name, labels) = sample.split_once('{').map_or((sample, ""), |(name, rest)| (name, rest));
        let suffix = sample_name.strip_prefix(name.as_str()).unwrap_or_else(|| panic!("{line} is not of {name}"));
        let expected = match kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        assert_eq!(suffix, expected, "{line}");
        assert!(kind != "counter" || 0.0 <= figure, "{line}");
        check_labels(labels, line);
        assert!(samples.insert(sample.to_owned(), figure).is_none(), "each sample once: {line}");
    }
    samples
}

fn check_labels(labels: &str, line: &str) {
    if labels.is_empty() {
        return;
    }
    let mut rest = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        let mut is_escaped = false;
        let end = value.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let end = end.unwrap_or_else(|| panic!("an open label: {line}"));
        rest = value[end + 1..].trim_start_matches(',');
    }
}

#[tokio::test]
async fn the_figures_are_the_engine_s_and_the_text_keeps_the_rules() {
    let desk = Desk::open().await;
    let (status, text) = desk.curl("GET", "/metrics", &[], "").await;
    assert_eq!(status, 200);
    let samples = read(&text);
    assert_eq!(samples[r#"syncdeck_job_scanned_total{job="customers"}"#], CUSTOMERS as f64);
    let outcomes = samples.iter().filter(|(name, _)| name.starts_with(r#"syncdeck_job_records_total{job="customers""#));
    assert_eq!(outcomes.map(|(_, figure)| figure).sum::<f64>(), CUSTOMERS as f64, "scanned is the sum of the outcomes");
    assert_eq!(samples[r#"syncdeck_job_dead_letters_waiting{job="customers"}"#], 2.0);
    let states = samples.iter().filter(|(name, _)| name.starts_with(r#"syncdeck_job_state{job="customers""#));
    assert_eq!(states.map(|(_, figure)| figure).sum::<f64>(), 1.0, "a job is in one state");
    assert_eq!(samples["syncdeck_engine_running"], 1.0);
    assert!(text.contains(r#"workspace="desk \"1\"""#), "labels are escaped: {text}");
}
