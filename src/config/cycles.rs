//! Jobs that feed each other: a change would go round for ever.

use super::gather;
use super::instances::Order;
use super::jobs::Connections;
use super::report::{Place, Report};
use super::tree::Table;
use std::collections::{HashMap, HashSet, VecDeque};

/// One job as an arrow from a collection to a collection.
struct Arrow<'a> {
    /// As the configuration names it: what goes round at one instance goes round at all of them.
    job: &'a str,
    from: Collection,
    to: Collection,
    place: Place,
}

/// A connection and a path.
type Collection = (String, String);

/// Warns of jobs whose writes come back to what they read.
pub(super) fn warn_of_cycles(orders: &[Order], connections: &Connections, report: &mut Report) {
    let arrows: Vec<Arrow> = orders.iter().flat_map(|order| arrows_of(order, connections)).collect();
    let mut from: HashMap<&Collection, Vec<usize>> = HashMap::new();
    for (index, arrow) in arrows.iter().enumerate() {
        from.entry(&arrow.from).or_default().push(index);
    }
    let mut told: Vec<Vec<&str>> = Vec::new();
    for start in 0..arrows.len() {
        let Some(mut round) = way_back(&arrows, &from, start) else {
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

fn arrows_of<'a>(order: &'a Order, connections: &Connections) -> Vec<Arrow<'a>> {
    let ends = order.table().and_then(|job| Some((job.table("source")?, job.table("destination")?)));
    let Some((source, destination)) = ends else { return Vec::new() };
    let written = match destination.table("batch") {
        Some(batch) if !destination.is_written("path") => batch,
        _ => destination,
    };
    let instance = order.instance.as_ref().map(|instance| instance.name.as_str());
    let resolved = |name: &str| connections.resolve(name, instance).map(|id| id.to_string());
    let Some(to) = destination.text("connection").and_then(|name| resolved(&name.text)) else { return Vec::new() };
    let arrow = |name: &str| {
        Some(Arrow {
            job: &order.entry.name,
            from: (resolved(name)?, collection(source)),
            to: (to.clone(), collection(written)),
            place: destination.place_of("connection"),
        })
    };
    gather::connections_of(source).into_iter().filter_map(arrow).collect()
}

/// What a path is about, whether it lists, names one record or writes a batch.
fn collection(table: &Table) -> String {
    let path = table.text("path").map_or("", |path| path.text.as_str());
    let path = path.split(['{', '?']).next().unwrap_or_default();
    path.split(':').next().unwrap_or_default().trim_end_matches('/').to_owned()
}

/// The jobs of the shortest way from what `start` writes to what it reads, `start` first.
fn way_back<'a>(arrows: &[Arrow<'a>], from: &HashMap<&Collection, Vec<usize>>, start: usize) -> Option<Vec<&'a str>> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut seen: HashSet<&Collection> = HashSet::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if arrows[at].to == arrows[start].from {
            let mut way = vec![arrows[at].job];
            let mut step = at;
            while step != start {
                step = *came_from.get(&step)?;
                way.push(arrows[step].job);
            }
            way.reverse();
            return Some(way);
        }
        // What goes on from a collection goes on in the same way whoever wrote there, so it is followed once.
        if !seen.insert(&arrows[at].to) {
            continue;
        }
        for next in from.get(&arrows[at].to).into_iter().flatten() {
            if *next != start && !came_from.contains_key(next) {
                came_from.insert(*next, at);
                queue.push_back(*next);
            }
        }
    }
    None
}
