//! Questions and orders over the control socket, on a state with a million links and a million dead letters.
//!
//! `cargo bench --bench desk`; `BENCH_LETTERS` and `BENCH_LINKS` make it smaller.

#[path = "state/house.rs"]
mod house;
#[path = "state/mod.rs"]
mod state;

use state::{begin, fill_letters, link_page, number, record};
use std::time::Instant;
use syncdeck::control::local::Local;
use syncdeck::control::socket::{Door, Remote, Server, Signature};
use syncdeck::control::{Answer, Handle, Host, Request};
use syncdeck::model::{JobId, LetterFilter, LetterPlace, Selection, WhyAnswer};
use syncdeck::store::{Options, Store};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure());
}

async fn measure() {
    let (n_links, n_letters) = (number("BENCH_LINKS", 1_000_000), number("BENCH_LETTERS", 1_000_000));
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path(), &Options::default()).expect("a state");
    fill_letters(&store, n_letters).await;
    let (run, epoch) = begin(&store).await;
    for first in (0..n_links).step_by(1_000) {
        store.commit_page(link_page(&run, epoch, first, 1_000)).await.expect("a page is saved");
    }
    let engine = house::engine(store, "").await;
    let server = Server::listen(folder.path(), Local::new(engine.clone()), Host::default()).expect("a socket");
    let by = Signature { name: "bench".to_owned(), door: Door::Command };
    let handle = Handle::attached(Remote::connect(folder.path(), by).await.expect("an engine that answers"));
    why(&handle, n_links).await;
    lists(&handle, n_letters).await;
    orders(&handle, n_letters).await;
    server.stop().await;
    engine.stop().await;
}

async fn why(handle: &Handle, n_links: u64) {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut of = async |what: &str, job: Option<JobId>, is_known: bool| {
        let mut times = Vec::new();
        for _ in 0..200 {
            let key = if is_known { record(dice.u64(0..n_links)) } else { format!("nobody_{}", dice.u64(..)).into() };
            let request = Request::Why { job: job.clone(), key: key.to_string(), live: false };
            let (answer, took) = asked(handle, request).await;
            let Answer::Why(answer) = answer else { panic!("another answer") };
            let WhyAnswer { is_known: was_known, .. } = *answer;
            assert_eq!(was_known, is_known, "{key}");
            times.push(took);
        }
        tell(&format!("why over the socket, {what}, {n_links} links"), times, 1_000.0);
    };
    of("a record of a job", Some(JobId::from("bench")), true).await;
    of("a record of any job", None, true).await;
    of("one that nobody knows", None, false).await;
}

async fn lists(handle: &Handle, n: u64) {
    let all = LetterFilter::default();
    let cause = LetterFilter::parse("field:field_3 code:422", syncdeck::model::Timestamp(0)).expect("a filter");
    let words = LetterFilter { words: vec!["cust_000000777".to_owned()], ..all.clone() };
    for (what, filter, want) in [
        ("first page", all, 100.0),
        ("first page by field and code", cause, 1_000.0),
        ("first page by a word that one has", words, 1_000.0),
    ] {
        let mut times = Vec::new();
        for _ in 0..10 {
            let (ids, took) = asked(handle, Request::DeadIds { filter: filter.clone(), limit: 100 }).await;
            let Answer::Ids { ids, .. } = ids else { panic!("another answer") };
            assert!(!ids.is_empty(), "{what}");
            let (_, more) = asked(handle, Request::DeadRows { ids: ids.to_vec() }).await;
            times.push(took + more);
        }
        tell(&format!("dead letters over the socket, {what} of {n}"), times, want);
    }
}

/// What a person does who marks all and throws them away, and brings them back.
async fn orders(handle: &Handle, n: u64) {
    let marked = Request::DeadIds { filter: LetterFilter::default(), limit: usize::MAX };
    let (answer, took) = asked(handle, marked).await;
    let Answer::Ids { ids, total } = answer else { panic!("another answer") };
    assert_eq!((ids.len() as u64, total), (n, n));
    println!("all {n} marked: {took:.0} ms");
    let everything = Selection::Matching(LetterFilter::default());
    let reason = "a benchmark".to_owned();
    let (answer, took) = asked(handle, Request::Discard { selection: everything, reason }).await;
    let Answer::Done(done) = answer else { panic!("another answer") };
    assert_eq!(done.changed, n);
    println!("all {n} discarded: {:.1} s, {:.0}/s", took / 1e3, n as f64 / took * 1e3);
    let places = vec![LetterPlace::Discarded];
    let discarded = Selection::Matching(LetterFilter { places, ..LetterFilter::default() });
    let (answer, took) = asked(handle, Request::Restore { selection: discarded }).await;
    let Answer::Done(done) = answer else { panic!("another answer") };
    assert_eq!(done.changed, n);
    println!("all {n} brought back: {:.1} s, {:.0}/s", took / 1e3, n as f64 / took * 1e3);
}

/// The answer, and how long it took in milliseconds.
async fn asked(handle: &Handle, request: Request) -> (Answer, f64) {
    let started = Instant::now();
    let answer = handle.ask(request).await.expect("an answer");
    (answer, started.elapsed().as_secs_f64() * 1e3)
}

fn tell(what: &str, mut times: Vec<f64>, want: f64) {
    times.sort_by(f64::total_cmp);
    let worst = times[times.len() - 1];
    let is_reached = if worst <= want { "reached" } else { "MISSED" };
    println!("{what}: {:.2} ms, slowest {worst:.2} ms (want {want}: {is_reached})", times[times.len() / 2]);
}
