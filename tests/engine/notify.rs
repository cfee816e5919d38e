//! Hooks: told once when a job needs a person, and never so that the engine is disturbed.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::engine::{Carrier, Start};
use syncdeck::model::{Alert, AlertEvent, FindingKind, Hook, HookWay, JobState, LogFilter};
use syncdeck::sim::{Fault, FaultRule, Side, World};

fn hook() -> Hook {
    Hook {
        name: "pager".to_owned(),
        on: vec![FindingKind::NeedsAttention],
        over: true,
        timeout: Duration::from_secs(10),
        way: HookWay::Command(Vec::new()),
    }
}

async fn parked(carrier: Carrier) -> House {
    let world = World::new(1, 20);
    let fault = Fault::Status { code: 401, body: String::new(), headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Destination, fault));
    let house = House::new(world, &format!("{CONNECTIONS}{CUSTOMERS}")).await;
    house.engine.set_hooks(vec![(hook(), carrier)]);
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(matches!(house.job(&job("customers")).state, JobState::NeedsAttention { .. }));
    house
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_told_once_while_a_job_needs_a_person() {
    let told: Arc<parking_lot::Mutex<Vec<Alert>>> = Arc::default();
    let house = parked({
        let told = told.clone();
        Arc::new(move |alert| {
            told.lock().push(alert);
            Box::pin(async { Ok(()) })
        })
    })
    .await;
    house.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let alerts = told.lock().clone();
    assert_eq!(alerts.len(), 1, "it parked again at once, so it was never over: {alerts:?}");
    let finding = house.engine.snapshot().findings[0].clone();
    assert_eq!((alerts[0].event, &alerts[0].text), (AlertEvent::Began, &finding.text));
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_is_in_the_log_and_nothing_else_changes() {
    let house = parked(Arc::new(|_| Box::pin(async { Err("no route to the pager".to_owned()) }))).await;
    let words = LogFilter { words: vec!["pager".to_owned()], ..LogFilter::default() };
    let lines = house.engine.notices().read(&words, None, 10);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text, "hook `pager` could not be told: no route to the pager");
    house.engine.stop().await;
}
