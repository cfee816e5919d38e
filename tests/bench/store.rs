//! The state alone: durable commits a second, links looked up, and lists over a million dead letters.
//!
//! `cargo bench --bench store`; `BENCH_LETTERS` and `BENCH_LINKS` make it smaller.

#[path = "state/mod.rs"]
mod state;

use state::{begin, fill_letters, link_page, number, record};
use std::time::Instant;
use syncdeck::model::{DeadLetterId, JobId, LetterFilter, LetterPlace};
use syncdeck::store::{Options, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        commits().await;
        why().await;
        links().await;
        letters().await;
    });
}

/// What `why` asks of the state about one record, among a million links and a million letters.
async fn why() {
    let (n_links, n_letters) = (number("BENCH_LINKS", 1_000_000), number("BENCH_LETTERS", 1_000_000));
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    fill_letters(&store, n_letters).await;
    let (run, epoch) = begin(&store).await;
    for first in (0..n_links).step_by(1_000) {
        store.commit_page(link_page(&run, epoch, first, 1_000)).await.expect("a page is saved");
    }
    let job = JobId::from("bench");
    let mut dice = fastrand::Rng::with_seed(7);
    let mut times = Vec::new();
    for _ in 0..100 {
        let record = record(dice.u64(0..n_links));
        let started = Instant::now();
        let links = store.links(&job, std::slice::from_ref(&record)).await.expect("a link is read");
        let letters = store.letters_of(&job, &record, 10).await.expect("letters are read");
        let by_destination = store.record_at(&job, &record.as_str().into()).await.expect("an index is read");
        let by_field = store.records_with(&job, record.as_str(), 20).await.expect("an index is read");
        let group = letters.first().map(|letter| letter.group);
        let filter = LetterFilter { job: Some(job.clone()), group, ..LetterFilter::default() };
        store.letter_groups(&filter).await.expect("groups are read");
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!((links.len(), letters.len(), by_destination, by_field.len()), (1, 1, None, 0));
    }
    let (best, median) = best_and_median(times.clone());
    let worst = times.into_iter().fold(0.0, f64::max);
    println!("why: {n_links} links, {n_letters} letters: {median:.2} ms (best {best:.2}, worst {worst:.2}; want 1000)");
    store.close().await;
}

fn best_and_median(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[0], figures[figures.len() / 2])
}

/// Pages a second, each awaited, and with eight on their way, which share transactions.
async fn commits() {
    for (records, pages) in [(1, 1_000), (100, 1_000), (1_000, 100)] {
        for at_once in [1_usize, 8] {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Store::open(folder.path(), &Options::default()).expect("a state");
            let (run, epoch) = begin(&store).await;
            let started = Instant::now();
            let mut waiting = std::collections::VecDeque::new();
            for page in 0..pages {
                waiting.push_back(tokio::spawn(store.commit_page(link_page(&run, epoch, page * records, records))));
                if waiting.len() >= at_once {
                    let first = waiting.pop_front().expect("it was just put there");
                    first.await.expect("a commit does not panic").expect("a commit is saved");
                }
            }
            for commit in waiting {
                commit.await.expect("a commit does not panic").expect("a commit is saved");
            }
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "commits: pages of {records}, {at_once} at once: {:.0} pages/s, {:.0} links/s",
                pages as f64 / seconds,
                (pages * records) as f64 / seconds
            );
            store.close().await;
        }
    }
}

/// Links written in order and scattered, and looked up, among a million.
async fn links() {
    let n = number("BENCH_LINKS", 1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    let (run, epoch) = begin(&store).await;
    let started = Instant::now();
    for first in (0..n).step_by(1_000) {
        store.commit_page(link_page(&run, epoch, first, 1_000)).await.expect("a page is saved");
    }
    println!("links: {n} written in order: {:.0}/s", n as f64 / started.elapsed().as_secs_f64());
    let mut dice = fastrand::Rng::with_seed(7);
    let mut look = async |what: &str, ids: &mut dyn FnMut(&mut fastrand::Rng) -> Vec<_>| {
        let (mut found, started) = (0, Instant::now());
        for _ in 0..1_000 {
            let links = store.links(&JobId::from("bench"), &ids(&mut dice)).await.expect("links are read");
            found += links.iter().flatten().count();
        }
        println!("links: {what}: {:.0}/s", found as f64 / started.elapsed().as_secs_f64());
    };
    look("looked up in pages of 100 neighbours", &mut |dice| {
        let first = dice.u64(0..n - 100);
        (first..first + 100).map(record).collect()
    })
    .await;
    look("looked up in pages of 100 scattered ones", &mut |dice| (0..100).map(|_| record(dice.u64(0..n))).collect())
        .await;
    store.close().await;
    let started = Instant::now();
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    println!("links: opened with {n} in {:.3} s", started.elapsed().as_secs_f64());
    store.close().await;
}

/// What the lists of the console and of `dead list` ask, over a million letters.
async fn letters() {
    let n = number("BENCH_LETTERS", 1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let started = Instant::now();
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    fill_letters(&store, n).await;
    println!("letters: {n} written: {:.0}/s", n as f64 / started.elapsed().as_secs_f64());
    let job = Some(JobId::from("bench"));
    let of_job = LetterFilter { job: job.clone(), ..LetterFilter::default() };
    let in_place = LetterFilter { places: vec![LetterPlace::Discarded], ..of_job.clone() };
    let words = LetterFilter { words: vec!["cust_000000777".to_owned()], ..of_job.clone() };
    let filters = [
        ("all", LetterFilter::default(), 1_000),
        ("of a job", of_job.clone(), 1_000),
        ("of a job, every number", of_job, 1_000_000),
        ("of a place without any", in_place, 1_000),
        ("with a word that one has", words, 1_000),
    ];
    for (what, filter, limit) in filters {
        let mut times = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            let found = store.letter_ids(&filter, limit).await.expect("numbers are read");
            let page: Vec<DeadLetterId> = found.ids.iter().take(100).copied().collect();
            let rows = store.letter_rows(&page).await.expect("rows are read");
            assert_eq!(rows.len(), page.len());
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        let (best, median) = best_and_median(times);
        println!("letters: first page {what}: {median:.2} ms (best {best:.2}; want 100)");
    }
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        store.letter_groups(&LetterFilter::default()).await.expect("groups are read");
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    let (best, median) = best_and_median(times);
    println!("letters: groups: {median:.2} ms (best {best:.2})");
    store.close().await;
}
