//! A job whose state is of other records than its configuration.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{JobState, RecordId};
use syncdeck::sim::World;

/// A house whose customers were written to one collection, and whose job now names another.
async fn with_another_destination() -> House {
    let config = format!("{CONNECTIONS}{CUSTOMERS}");
    let (house, _) = House::new(World::new(1, 60), &config).await.run_once().await;
    house.with(&config.replace("path = \"/customers/{{ id }}\"\nidem", "path = \"/contacts/{{ id }}\"\nidem")).await
}

// Row 12 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn no_order_but_an_acceptance_sets_a_job_going_whose_destination_changed() {
    let house = with_another_destination().await;
    drop(house.engine.start(Start::service()).await);
    let customers = || vec![job("customers")];
    for order in [
        Request::Resume { jobs: customers() },
        Request::Trigger { jobs: customers() },
        Request::SyncOne { job: job("customers"), record: RecordId::from("cus_000001") },
    ] {
        let refused = house.handle.ask(order).await.expect_err("it waits for a person").message;
        let words = "its destination was `http://crm.test/v2/customers` and is `http://crm.test/v2/contacts`";
        assert!(refused.contains(words) && refused.contains("--accept"), "{refused}");
    }
    assert_eq!(house.world.crm.count("contacts"), 0);
    let Answer::Done(done) = house.ask(Request::Accept { jobs: customers() }).await else { panic!("another answer") };
    assert_eq!(done.changed, 1, "{}", done.text);
    let Answer::Done(done) = house.ask(Request::Accept { jobs: customers() }).await else { panic!("another answer") };
    assert_eq!(done.changed, 0, "{}", done.text);
    house.engine.stop().await;
    // It is as durable as any order.
    let house = house.again().await;
    assert!(!matches!(house.job(&job("customers")).state, JobState::NeedsAttention { .. }));
}

// Row 12 of the fault matrix.
#[tokio::test(start_paused = true)]
async fn what_was_written_to_another_system_is_forgotten_and_everything_is_written_to_this_one() {
    let house = with_another_destination().await;
    drop(house.engine.start(Start::service()).await);
    house.ask(Request::Forget { job: job("customers") }).await;
    while house.world.crm.count("contacts") < 60 || house.job(&job("customers")).run.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    house.engine.stop().await;
    assert_eq!(house.job(&job("customers")).state, JobState::Idle);
    assert_eq!(house.world.crm.count("customers"), 60, "what stands at the old place is left alone");
}
