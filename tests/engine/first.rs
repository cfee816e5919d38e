//! The first things that must work.

use crate::house::{CONNECTIONS, CUSTOMERS, House};
use syncdeck::model::RunEnd;
use syncdeck::sim::World;

#[tokio::test(start_paused = true)]
async fn a_first_sync_brings_every_record_and_a_second_one_writes_nothing() {
    let config = format!("{CONNECTIONS}{CUSTOMERS}");
    let house = House::new(World::new(1, 230), &config).await;
    let (house, ends) = house.run_once().await;
    assert_eq!(ends[0].end, RunEnd::Done);
    assert_eq!((ends[0].counts.scanned, ends[0].counts.created), (230, 230));
    house.assert_in_step("customers");
    house.assert_clean();
    let (house, ends) = house.run_once().await;
    assert_eq!(ends[0].end, RunEnd::Done);
    assert_eq!(ends[0].counts.written(), 0);
    house.assert_in_step("customers");
}
