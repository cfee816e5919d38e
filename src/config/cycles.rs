//! Jobs that feed each other: a change would go round for ever.

use super::report::{Place, Report};
use super::tree::{Entry, Table, Value};

/// One job as an arrow from a collection to a collection.
struct Arrow<'a> {
    job: &'a str,
    from: (&'a str, String),
    to: (&'a str, String),
    place: Place,
}

/// Warns of jobs whose writes come back to what they read.
pub(super) fn warn_of_cycles(jobs: &[Entry], report: &mut Report) {
    let arrows: Vec<Arrow> = jobs.iter().filter_map(arrow).collect();
    let mut told: Vec<Vec<&str>> = Vec::new();
    for start in 0..arrows.len() {
        let Some(mut round) = way_back(&arrows, start) else {
            continue;
        };
        let shown = round.iter().chain(round.first()).map(|job| format!("`{job}`")).collect::<Vec<_>>().join(" → ");
        round.sort_unstable();
        if told.contains(&round) {
            continue;
        }
        told.push(round);
        let hint = "unchanged records are skipped, but values that the systems write differently go round for ever";
        report.warning(arrows[start].place, format!("a change goes round in a circle: {shown}"), hint.to_owned());
    }
}

fn arrow(entry: &Entry) -> Option<Arrow<'_>> {
    let Value::Table(job) = &entry.node.value else {
        return None;
    };
    let (source, destination) = (job.table("source")?, job.table("destination")?);
    let written = match destination.table("batch") {
        Some(batch) if !destination.is_written("path") => batch,
        _ => destination,
    };
    Some(Arrow {
        job: &entry.name,
        from: (&source.text("connection")?.text, collection(source)),
        to: (&destination.text("connection")?.text, collection(written)),
        place: destination.place_of("connection"),
    })
}

/// What a path is about, whether it lists, names one record or writes a batch.
fn collection(table: &Table) -> String {
    let path = table.text("path").map_or("", |path| path.text.as_str());
    let path = path.split(['{', '?']).next().unwrap_or_default();
    path.split(':').next().unwrap_or_default().trim_end_matches('/').to_owned()
}

/// The jobs of the shortest way from what `start` writes to what it reads, `start` first.
fn way_back<'a>(arrows: &[Arrow<'a>], start: usize) -> Option<Vec<&'a str>> {
    let mut came_from: Vec<Option<usize>> = vec![None; arrows.len()];
    let mut seen = vec![false; arrows.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if arrows[at].to == arrows[start].from {
            let mut way = vec![arrows[at].job];
            let mut step = at;
            while step != start {
                step = came_from[step]?;
                way.push(arrows[step].job);
            }
            way.reverse();
            return Some(way);
        }
        for (next, arrow) in arrows.iter().enumerate() {
            if !seen[next] && next != start && arrow.from == arrows[at].to {
                seen[next] = true;
                came_from[next] = Some(at);
                queue.push_back(next);
            }
        }
    }
    None
}
