//! Pages are saved whole or not at all, in order, and only by the run that is the job's.

use crate::story::disk::Disk;
use crate::story::*;
use syncdeck::model::filter::{CHECKPOINT_FIELDS, RunFilter, parse};
use syncdeck::model::{Counts, Epoch, Run, RunEnd, RunId, RunKind, Sequence, SkipCounts};
use syncdeck::store::{NewRun, Options, Store, StoreError};

#[tokio::test]
async fn a_page_is_saved_with_its_links_its_counts_and_a_checkpoint() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let first = store.commit_page(page(&run, epoch, 0, 100)).await.expect("saved");
    let second = store.commit_page(page(&run, epoch, 100, 50)).await.expect("saved");

    let checkpoint = second.checkpoint.expect("the position moved");
    assert_eq!(first.checkpoint.expect("the position moved").sequence, Sequence(1));
    assert_eq!(checkpoint.sequence, Sequence(2));
    assert_eq!(checkpoint.total.scanned, 150);
    assert_eq!(checkpoint.page.scanned, 50);
    assert_eq!(store.checkpoint(&run.job).await.expect("read"), Some(checkpoint));
    assert_eq!(store.link_count(&run.job).await.expect("read"), 150);
    let found = store.links(&run.job, &[record(149), record(7), record(1_000)]).await.expect("read");
    assert_eq!(found, [Some(link(149)), Some(link(7)), None]);
}

#[tokio::test]
async fn counts_that_do_not_balance_save_nothing_and_end_the_run() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let mut bad = page(&run, epoch, 0, 10);
    bad.counts.created = 9;
    let refused = store.commit_page(bad).await.expect_err("ten were scanned, nine are accounted for");
    assert!(matches!(refused, StoreError::Unbalanced { .. }), "{refused}");

    let mut bad = page(&run, epoch, 0, 10);
    bad.counts = Counts { scanned: 10, skipped: 10, reasons: SkipCounts::default(), ..Counts::default() };
    assert!(store.commit_page(bad).await.is_err(), "the reasons of the skipped are missing");

    // A checkpoint of the next page would jump over the refused one.
    let refused = store.commit_page(page(&run, epoch, 10, 10)).await.expect_err("the page before it is not there");
    assert!(matches!(refused, StoreError::Unbalanced { .. }), "{refused}");
    assert_eq!(store.checkpoint(&run.job).await.expect("read"), None);
    assert_eq!(store.link_count(&run.job).await.expect("read"), 0);

    let (run, epoch) = begin(&store, "customers").await;
    store.commit_page(page(&run, epoch, 0, 10)).await.expect("the next run begins where the last checkpoint is");
}

// Row 16 of the fault matrix.
#[tokio::test]
async fn a_run_that_was_overtaken_can_not_write() {
    let store = in_memory();
    let (old, old_epoch) = begin(&store, "customers").await;
    let (new, new_epoch) = begin(&store, "customers").await;
    assert!(old_epoch < new_epoch);

    let refused = store.commit_page(page(&old, old_epoch, 0, 10)).await.expect_err("a later run began");
    assert!(matches!(refused, StoreError::StaleEpoch { run, .. } if run == old.id), "{refused}");
    let refused = store.commit_page(page(&old, new_epoch, 0, 10)).await.expect_err("the epoch is another run's");
    assert!(matches!(refused, StoreError::StaleEpoch { .. }), "{refused}");
    store.commit_page(page(&new, new_epoch, 10, 10)).await.expect("it is the job's run");

    store.finish_run(new.id, RunEnd::Done, at(5)).await.expect("ended");
    let refused = store.commit_page(page(&new, new_epoch, 20, 10)).await.expect_err("it has ended");
    assert!(matches!(refused, StoreError::StaleEpoch { .. }), "{refused}");
    let refused = store.commit_page(page(&new, Epoch(99), 20, 10)).await.expect_err("nobody was given that epoch");
    assert!(matches!(refused, StoreError::StaleEpoch { .. }), "{refused}");
}

#[tokio::test]
async fn pages_of_several_jobs_are_saved_in_one_transaction() {
    let disk = Disk::default();
    let store = Store::open_on(disk.clone(), &Options::default()).expect("opened");
    let mut pages = Vec::new();
    for number in 0..20 {
        let (run, epoch) = begin(&store, &format!("job_{number}")).await;
        pages.push(page(&run, epoch, 0, 10));
    }
    let before = disk.syncs();
    store.note(note("look")).await.expect("noted");
    let syncs_of_one = disk.syncs() - before;

    // The disk is held up at the first page, so that the others queue behind it.
    let before = disk.syncs();
    let held = disk.hold();
    let waiting: Vec<_> = pages.into_iter().map(|page| store.commit_page(page)).collect();
    drop(held);
    let saved = futures::future::join_all(waiting).await;
    assert!(saved.iter().all(Result::is_ok));
    assert!(disk.syncs() - before <= 2 * syncs_of_one, "{} syncs for 20 pages", disk.syncs() - before);
}

#[tokio::test]
async fn one_bad_page_does_not_spoil_the_others_of_its_transaction() {
    let store = in_memory();
    let (good, good_epoch) = begin(&store, "good").await;
    let (bad, bad_epoch) = begin(&store, "bad").await;
    let mut unbalanced = page(&bad, bad_epoch, 0, 10);
    unbalanced.counts.created = 11;
    let orders = [
        store.commit_page(page(&good, good_epoch, 0, 10)),
        store.commit_page(unbalanced),
        store.commit_page(page(&bad, bad_epoch, 10, 10)),
        store.commit_page(page(&good, good_epoch, 10, 10)),
    ];
    let saved = futures::future::join_all(orders).await;
    assert_eq!(saved.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
    let total = store.checkpoint(&good.job).await.expect("read").expect("saved").total;
    assert_eq!(total.scanned, 20);
    assert_eq!(store.checkpoint(&bad.job).await.expect("read"), None);
}

#[tokio::test]
async fn a_page_that_nobody_awaits_is_saved_in_its_place() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    drop(store.commit_page(page(&run, epoch, 0, 10)));
    let saved = store.commit_page(page(&run, epoch, 10, 10)).await.expect("saved");
    assert_eq!(saved.checkpoint.expect("the position moved").sequence, Sequence(2));
}

#[tokio::test]
async fn a_retry_leaves_the_checkpoint_and_counts_in_its_run_alone() {
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let dead = vec![letter(&store, &run, 1, 5, "refused")];
    let id = dead[0].letter.id;
    store.commit_page(page_of_letters(&run, epoch, dead)).await.expect("saved");
    let (retry, epoch) = begin_as(&store, "customers", RunKind::Retry).await;
    let saved = store.commit_page(retry_page(&retry, epoch, vec![id], Vec::new())).await.expect("saved");

    assert_eq!(saved.checkpoint, None);
    assert_eq!(saved.total.errored, 1);
    assert_eq!(saved.total.updated, 0);
    assert_eq!(store.checkpoint(&run.job).await.expect("read").expect("saved").sequence, Sequence(1));
    let runs = store.runs(Some(&run.job), None, 10).await.expect("read");
    assert_eq!(runs[0].counts.updated, 1);
    assert_eq!((runs[0].checkpoint, runs[1].checkpoint), (None, Some(Sequence(1))));
}

#[tokio::test]
async fn a_paused_clock_does_not_leap_while_a_page_is_saved() {
    tokio::time::pause();
    let store = in_memory();
    let (run, epoch) = begin(&store, "customers").await;
    let before = tokio::time::Instant::now();
    let timer = tokio::time::sleep(std::time::Duration::from_secs(60));
    tokio::pin!(timer);
    tokio::select! {
        biased;
        () = &mut timer => panic!("the clock leapt over a commit"),
        saved = store.commit_page(page(&run, epoch, 0, 1_000)) => assert!(saved.is_ok()),
    }
    assert_eq!(before.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test]
async fn old_checkpoints_and_runs_are_thinned_and_the_newest_stay() {
    let options = Options { checkpoints_max: 5, runs_max: 3, journal_max: 4, ..Options::default() };
    let store = Store::open_on(Disk::default(), &options).expect("opened");
    let (open, _) = begin(&store, "other").await;
    let (mut run, mut epoch) = begin(&store, "customers").await;
    for number in 0..12 {
        store.commit_page(page(&run, epoch, number, 1)).await.expect("saved");
        store.finish_run(run.id, RunEnd::Done, at(2)).await.expect("ended");
        store.note(note("look")).await.expect("noted");
        (run, epoch) = begin(&store, "customers").await;
    }
    let kept = store.checkpoints(&run.job, None, 100).await.expect("read");
    let numbers: Vec<_> = kept.iter().map(|checkpoint| checkpoint.sequence.0).collect();
    assert_eq!(numbers, [12, 11, 10, 9, 8]);
    let older = store.checkpoints(&run.job, Some(Sequence(10)), 100).await.expect("read");
    assert_eq!(older.len(), 2);
    let runs = store.runs(None, None, 100).await.expect("read");
    assert_eq!(runs.len(), 3);
    assert_eq!(runs.last().map(|run| run.id), Some(open.id), "a run in progress is never thinned");
    assert_eq!(store.runs(None, Some(runs[0].id), 1).await.expect("read")[0].id, runs[1].id);
    assert_eq!(store.runs(Some(&run.job), None, 100).await.expect("read").len(), 2);
    let journal = store.journal(None, 100).await.expect("read");
    assert_eq!(journal.iter().map(|entry| entry.number).collect::<Vec<_>>(), [12, 11, 10, 9]);
}

#[tokio::test]
async fn runs_are_told_as_they_began_and_ended() {
    let store = in_memory();
    let new = NewRun { job: job("customers"), kind: RunKind::Full, by: ana(), at: at(3), filter: None };
    let (run, _) = store.begin_run(new).await.expect("begun");
    let end = RunEnd::Failed { reason: "401".to_owned(), hint: Some("renew".to_owned()), parked: true };
    store.finish_run(run.id, end.clone(), at(8)).await.expect("ended");
    store.finish_run(run.id, RunEnd::Done, at(9)).await.expect("the first end stays");
    let told = store.runs(None, None, 1).await.expect("read").remove(0);
    assert_eq!((told.end, told.ended_at, told.started_at), (Some(end), Some(at(8)), at(3)));
    assert_eq!((told.kind, told.by), (RunKind::Full, ana()));
}

#[tokio::test]
async fn runs_and_checkpoints_are_narrowed_over_all_that_are_kept() {
    let store = in_memory();
    for number in 0..6 {
        let (run, epoch) = begin(&store, if number == 4 { "other" } else { "customers" }).await;
        store.commit_page(page(&run, epoch, 0, 10 + number)).await.expect("saved");
        let failed = RunEnd::Failed { reason: "401".to_owned(), hint: None, parked: true };
        store.finish_run(run.id, if number % 2 == 0 { failed } else { RunEnd::Done }, at(2)).await.expect("ended");
    }
    let numbers = |runs: Vec<Run>| runs.iter().map(|run| run.id.0).collect::<Vec<_>>();
    let filter = RunFilter::parse("state:fail", at(9)).expect("a filter");
    let found = store.runs_matching(None, filter.terms.clone(), None, 2).await.expect("read");
    assert_eq!(numbers(found), [5, 3]);
    let older = store.runs_matching(None, filter.terms, Some(RunId(3)), 2).await.expect("read");
    assert_eq!(numbers(older), [1]);
    let filter = RunFilter::parse("job:customers scanned:>=13 401|list", at(9)).expect("a filter");
    assert_eq!(filter.job, Some(job("customers")));
    let found = store.runs_matching(filter.job.as_ref(), filter.terms, None, 9).await.expect("read");
    assert_eq!(numbers(found), [6, 4]);

    let terms = parse("scanned:12 kind:page", CHECKPOINT_FIELDS, at(9)).expect("a filter");
    let found = store.checkpoints_matching(&job("customers"), terms, None, 1).await.expect("read");
    assert_eq!(found.iter().map(|one| one.page.scanned).collect::<Vec<_>>(), [12]);
}
