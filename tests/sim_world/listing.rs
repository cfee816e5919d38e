//! Every paging gives every record once.

use super::{ask, get};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use syncdeck::sim::{Churn, Removal, World};

fn ids(records: &Value) -> Vec<String> {
    let records = records.as_array().expect("an array of records");
    records.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
}

/// Reads a listing to its end, with pages of 10; at most 50 of them.
async fn walk(world: &World, paging: &str, more: &str) -> Vec<Vec<String>> {
    let first = format!("http://sim.test/api/{paging}/customers?limit=10&per_page=10{more}");
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut next = Some(first.clone());
    while let Some(url) = next {
        assert!(pages.len() < 50, "{paging} does not end");
        let response = ask(world, Method::GET, &url, "").await.expect("an answer");
        assert_eq!(response.status(), 200);
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        let bare = body.is_array();
        let records = if bare { body.clone() } else { body["data"].clone() };
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        next = match paging {
            "cursor" => body["next_cursor"].as_str().map(|token| format!("{first}&cursor={token}")),
            "next_url" => body["next_url"].as_str().map(str::to_owned),
            "next_header" => header("next-page"),
            "link_header" => header("link").map(|link| link[1..link.find('>').expect("a link")].to_owned()),
            "params" => body["continue"]["cursor"].as_str().map(|token| format!("{first}&cursor={token}")),
            "page" => Some(format!("{first}&page={}", pages.len() + 2)).filter(|_| !ids(&records).is_empty()),
            "offset" => {
                Some(format!("{first}&offset={}", (pages.len() + 1) * 10)).filter(|_| !ids(&records).is_empty())
            }
            "keyset" => records.as_array().and_then(|records| records.last()).map(|last| {
                let (at, id) = (last["updated_at"].as_str().expect("a time"), last["id"].as_str().expect("an id"));
                format!("http://sim.test/api/keyset/customers?limit=10&updated_since={at}&after_id={id}")
            }),
            _ => None,
        };
        pages.push(ids(&records));
    }
    pages
}

#[tokio::test]
async fn every_paging_gives_every_record_once() {
    let world = World::new(1, 95);
    let all: BTreeSet<String> = world.shop.live_ids("customers").into_iter().collect();
    assert_eq!(all.len(), 95);
    for paging in ["cursor", "next_url", "next_header", "params", "link_header", "page", "offset", "keyset", "none"] {
        let pages = walk(&world, paging, "").await;
        let seen: Vec<String> = pages.concat();
        assert_eq!(seen.len(), 95, "{paging}");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all, "{paging}");
        assert_eq!(pages.len() > 5, paging != "none", "{paging} has {} pages", pages.len());
    }
}

#[tokio::test]
async fn a_search_by_post_pages_like_a_cursor() {
    let world = World::new(1, 25);
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..3 {
        let body = json!({ "query": "{ customers }", "variables": { "after": after, "limit": 10 } }).to_string();
        let response = ask(&world, Method::POST, "/api/search/customers", &body).await.expect("an answer");
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(body["total"], 25);
        seen.extend(ids(&body["data"]["records"]));
        after = body["data"]["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(after, "");
    seen.dedup();
    assert_eq!(seen.len(), 25);
}

#[tokio::test]
async fn a_sorted_listing_is_in_order_of_time_and_id() {
    let world = World::new(2, 60);
    let (_, page) = get(&world, "/api/cursor/customers?sort=updated_at&limit=100").await;
    let places: Vec<(String, String)> = page["data"]
        .as_array()
        .expect("records")
        .iter()
        .map(|r| (r["updated_at"].to_string(), r["id"].to_string()))
        .collect();
    assert_eq!(places.len(), 60);
    assert!(places.is_sorted());
    assert!(places.windows(2).any(|two| two[0].0 == two[1].0), "some share an instant");
}

#[tokio::test]
async fn an_unsorted_listing_is_not_in_order_of_time() {
    let world = World::new(2, 60);
    let (_, page) = get(&world, "/api/cursor/customers?limit=100").await;
    let times: Vec<String> =
        page["data"].as_array().expect("records").iter().map(|r| r["updated_at"].to_string()).collect();
    assert!(!times.is_sorted());
}

#[tokio::test]
async fn the_lower_bound_includes_its_own_instant() {
    let world = World::empty(1);
    for (id, at) in [("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-01T00:00:01Z"), ("c", "2026-01-01T00:00:01.5Z")] {
        world.shop.insert("customers", id, json!({ "id": id, "updated_at": at }).to_string());
    }
    for paging in ["cursor", "keyset", "page", "none"] {
        let (_, page) =
            get(&world, &format!("/api/{paging}/customers?updated_since=2026-01-01T01:00:01%2B01:00")).await;
        let records = if page.is_array() { &page } else { &page["data"] };
        assert_eq!(ids(records), ["b", "c"], "{paging}");
    }
    let (status, _) = get(&world, "/api/cursor/customers?updated_since=yesterday").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_cursor_remembers_the_bound_of_its_listing() {
    let world = World::new(3, 40);
    let (_, all) = get(&world, "/api/cursor/customers?sort=updated_at").await;
    let middle = all["data"][20]["updated_at"].as_str().expect("a time").to_owned();
    let (_, first) = get(&world, &format!("/api/cursor/customers?limit=5&updated_since={middle}")).await;
    let token = first["next_cursor"].as_str().expect("a cursor");
    let (_, second) = get(&world, &format!("/api/cursor/customers?limit=100&cursor={token}")).await;
    assert_eq!(first["total"].as_u64(), Some((ids(&first["data"]).len() + ids(&second["data"]).len()) as u64));
    assert!(
        second["data"]
            .as_array()
            .expect("records")
            .iter()
            .all(|r| middle.as_str() <= r["updated_at"].as_str().expect("a time"))
    );
}

#[tokio::test]
async fn one_record_is_read_by_its_id() {
    let world = World::new(1, 3);
    world.shop.insert("customers", "a/b ?#%", r#"{"id":"a/b ?#%","n":12345678901234567890}"#);
    assert_eq!(get(&world, "/api/customers/cus_000002").await.1["id"], "cus_000002");
    assert_eq!(get(&world, "/api/customers/a%2Fb%20%3F%23%25").await.1["id"], "a/b ?#%");
    assert_eq!(get(&world, "/api/customers/none").await.0, 404);
    assert_eq!(get(&world, "/api/cursor/nowhere").await.0, 404);
}

#[tokio::test]
async fn a_removed_record_leaves_a_tombstone_or_nothing() {
    let world = World::new(1, 3);
    assert!(world.shop.remove("customers", "cus_000001", Removal::Tombstone));
    assert!(world.shop.remove("customers", "cus_000002", Removal::Vanish));
    let (_, page) = get(&world, "/api/cursor/customers").await;
    assert_eq!(ids(&page["data"]), ["cus_000001", "cus_000003"]);
    assert_eq!(page["data"][0]["deleted"], true);
    assert!(page["data"][0]["email"].is_string());
    assert_eq!(world.shop.live_ids("customers"), ["cus_000003"]);
    assert!(world.shop.remove("customers", "cus_000003", Removal::BareTombstone));
    let (_, bare) = get(&world, "/api/customers/cus_000003").await;
    assert_eq!(bare.as_object().map(serde_json::Map::len), Some(3), "{bare}");
}

#[tokio::test(start_paused = true)]
async fn an_edit_moves_a_record_to_now_and_a_late_commit_lands_behind_the_newest() {
    let world = World::new(1, 20);
    tokio::time::advance(Duration::from_secs(5)).await;
    world.shop.edit("customers", "cus_000007");
    let late = world.shop.late_commit("customers", Duration::from_secs(30));
    let (_, page) = get(&world, "/api/keyset/customers?updated_since=2026-01-01T11:59:00Z").await;
    assert_eq!(ids(&page["data"]), [late.as_str(), "cus_000007"]);
    assert_eq!(page["data"][1]["updated_at"], "2026-01-01T12:00:05Z");
}

#[tokio::test]
async fn records_change_while_they_are_paged() {
    let world = World::new(1, 40);
    world.shop.churn(2, Churn::Insert);
    let pages = walk(&world, "cursor", "").await;
    assert!(world.shop.live_ids("customers").len() > 41, "{} pages", pages.len());
    world.shop.stop_churn();
    let before = world.shop.dump("customers");
    walk(&world, "cursor", "").await;
    assert_eq!(world.shop.dump("customers"), before);
}

#[tokio::test]
async fn rows_slide_past_an_offset_when_records_vanish() {
    let world = World::new(1, 40);
    world.shop.churn(1, Churn::Vanish);
    let seen: BTreeSet<String> = walk(&world, "offset", "").await.concat().into_iter().collect();
    let left = world.shop.live_ids("customers");
    assert!(left.iter().any(|id| !seen.contains(id)), "the known hazard of offsets");
}

#[tokio::test]
async fn expired_cursors_are_told_apart_from_foreign_ones() {
    let world = World::new(1, 40);
    let (_, first) = get(&world, "/api/cursor/customers?limit=5").await;
    let url = format!("/api/cursor/customers?limit=5&cursor={}", first["next_cursor"].as_str().expect("a cursor"));
    assert_eq!(get(&world, &url).await.0, 200);
    world.shop.expire_cursors();
    assert_eq!(get(&world, &url).await.0, 410);
    assert_eq!(get(&world, "/api/cursor/customers?cursor=abc").await.0, 400);
}

#[tokio::test]
async fn the_same_seed_makes_the_same_shop() {
    let [one, two, other] = [World::new(9, 50), World::new(9, 50), World::new(10, 50)];
    assert_eq!(one.shop.dump("orders"), two.shop.dump("orders"));
    assert_ne!(one.shop.dump("orders"), other.shop.dump("orders"));
}
