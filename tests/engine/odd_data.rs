//! Records that are unusually large.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use syncdeck::control::{Answer, Request};
use syncdeck::model::{LetterFilter, LogFilter, RunEnd};
use syncdeck::sim::World;

const SIZE: usize = 10 << 20;

fn with_notes(id: &str, phone: &str, notes: &str) -> String {
    format!(r#"{{"id":"{id}","email":"a@b.example","phone":"{phone}","notes":"{notes}"}}"#)
}

// Row 40 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn a_field_of_10_mb_arrives_whole_and_is_in_no_list_and_no_log() {
    let notes = "ü{{ x }}".repeat(SIZE / 9);
    let world = World::new(1, 5);
    world.shop.insert("customers", "large", with_notes("large", "4155550123", &notes));
    world.shop.insert("customers", "refused", with_notes("refused", "ask at the desk", &notes));
    let (house, ends) = House::new(world, &format!("{CONNECTIONS}{CUSTOMERS}")).await.run_once().await;
    assert_eq!((&ends[0].end, ends[0].counts.created, ends[0].counts.errored), (&RunEnd::Done, 6, 1));
    let there = house.world.crm.get("customers", "large").expect("it arrived");
    let there: serde_json::Value = serde_json::from_slice(&there).expect("JSON");
    assert!(there["notes"] == notes, "{} bytes arrived", there["notes"].as_str().map_or(0, str::len));

    let filter = LetterFilter { job: Some(job("customers")), ..LetterFilter::default() };
    let Answer::Ids { ids, .. } = house.ask(Request::DeadIds { filter, limit: 10 }).await else {
        panic!("another answer")
    };
    let rows = house.ask(Request::DeadRows { ids: ids.to_vec() }).await;
    assert!(format!("{rows:?}").len() < 10_000, "a list holds the record");
    let letter = house.store.letter(ids[0]).await.expect("a letter").expect("the one that is listed");
    assert!(letter.source.as_str().len() > SIZE, "the letter holds what was read");
    let log = house.engine.notices().read(&LogFilter::default(), None, 10_000);
    let longest = log.iter().map(|notice| notice.text.len()).max();
    assert!(longest.is_some_and(|longest| longest < 1_000), "a line of the log has {longest:?} bytes");
}
