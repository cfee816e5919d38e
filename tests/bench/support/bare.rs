//! The bare loops that everything is measured against: read, map, write. No state, no retry, no order, no counts.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use syncdeck::config;
use syncdeck::model::mapping::Mapping;
use syncdeck::model::{ConnectionKind, RawJson};
use tokio::sync::mpsc;

/// Requests in flight.
const IN_FLIGHT: usize = 16;

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow)]
    next_cursor: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    id: &'a str,
}

/// One record, ready to be written.
struct Mapped {
    id: String,
    fields: RawJson,
}

/// The loop in this process: `put` or `batch`, with the connections, source and map of a configuration.
/// Prints the records that it wrote and the seconds that it took.
pub async fn run(kind: &str, config: &Path, name: &str, to: &str) {
    let config = config::load(config, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let base = |id: &str| {
        let connection = config.connections.iter().find(|connection| connection.id.as_str() == id);
        let ConnectionKind::Rest(rest) = &connection.expect("a connection of the benchmark").kind;
        rest.base_url.clone()
    };
    let mapping = Arc::new(Mapping::compile(&config.jobs[0].map).expect("the map of the benchmark"));
    let (shop, crm) = (base("shop"), base("crm"));
    // A bare program has no need of TLS here, but the client wants a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
    let started = Instant::now();
    let (pages, written) = mpsc::channel(1);
    let reading = tokio::spawn(read(client.clone(), format!("{shop}/cursor/{name}?limit=100"), mapping, pages));
    let records = match kind {
        "put" => put_each(client, format!("{crm}/{to}/"), written).await,
        "batch" => put_batches(client, format!("{crm}/{to}:batch"), to, written).await,
        other => panic!("there is no bare loop `{other}`"),
    };
    reading.await.expect("a reader that does not panic");
    println!("{{\"records\":{records},\"seconds\":{}}}", started.elapsed().as_secs_f64());
}

/// Reads pages one ahead and maps them.
async fn read(client: reqwest::Client, first: String, mapping: Arc<Mapping>, pages: mpsc::Sender<Vec<Mapped>>) {
    let mut address = first.clone();
    loop {
        let answer = client.get(&address).send().await.expect("a page");
        assert!(answer.status().is_success(), "{}", answer.status());
        let body: Bytes = answer.bytes().await.expect("a whole page");
        let listing: Listing<'_> = serde_json::from_slice(&body).expect("a listing");
        let map = |raw: &&RawValue| {
            let identified: Identified<'_> = serde_json::from_str(raw.get()).expect("a record with an id");
            let fields = mapping.apply(&RawJson::inside(&body, raw)).expect("a record that can be mapped");
            Mapped { id: identified.id.to_owned(), fields }
        };
        let mapped: Vec<Mapped> = listing.data.iter().map(map).collect();
        let next = listing.next_cursor.map(|cursor| format!("{first}&cursor={cursor}"));
        if pages.send(mapped).await.is_err() {
            return;
        }
        match next {
            Some(next) => address = next,
            None => return,
        }
    }
}

/// Sixteen workers that take records one by one, each a task of its own, so that both processors serve.
async fn put_each(client: reqwest::Client, base: String, pages: mpsc::Receiver<Vec<Mapped>>) -> u64 {
    let feed = Arc::new(tokio::sync::Mutex::new((pages, Vec::new().into_iter())));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (client, base, feed) = (client.clone(), base.clone(), feed.clone());
        workers.spawn(async move {
            let mut written = 0;
            while let Some(record) = next(&feed).await {
                let put = client
                    .put(format!("{base}{}", record.id))
                    .header("content-type", "application/json")
                    .body(record.fields.bytes().clone());
                let answer = put.send().await.expect("an answer");
                assert!(answer.status().is_success(), "{}", answer.status());
                let _ = answer.bytes().await.expect("a whole answer");
                written += 1;
            }
            written
        });
    }
    workers.join_all().await.into_iter().sum()
}

type Feed = tokio::sync::Mutex<(mpsc::Receiver<Vec<Mapped>>, std::vec::IntoIter<Mapped>)>;

async fn next(feed: &Feed) -> Option<Mapped> {
    let mut feed = feed.lock().await;
    loop {
        if let Some(record) = feed.1.next() {
            return Some(record);
        }
        feed.1 = feed.0.recv().await?.into_iter();
    }
}

async fn put_batches(
    client: reqwest::Client,
    address: String,
    to: &str,
    mut pages: mpsc::Receiver<Vec<Mapped>>,
) -> u64 {
    let mut requests = tokio::task::JoinSet::new();
    let mut written = 0;
    while let Some(page) = pages.recv().await {
        while requests.len() >= IN_FLIGHT {
            written += requests.join_next().await.expect("some are under way").expect("a request that does not panic");
        }
        let (client, address, to) = (client.clone(), address.clone(), to.to_owned());
        requests.spawn(async move {
            let put = client.post(&address).header("content-type", "application/json").body(items(&page, &to));
            let answer = put.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            let _ = answer.bytes().await.expect("a whole answer");
            page.len() as u64
        });
    }
    written + requests.join_all().await.into_iter().sum::<u64>()
}

fn items(page: &[Mapped], to: &str) -> String {
    let mut body = String::with_capacity(64 << 10);
    body.push_str("{\"items\":[");
    for (place, record) in page.iter().enumerate() {
        body.push_str(if place == 0 { "" } else { "," });
        body.push_str(&format!(r#"{{"method":"PUT","path":"/{to}/{}","body":"#, record.id));
        body.push_str(record.fields.as_str());
        body.push('}');
    }
    body.push_str("]}");
    body
}
