//! Tests of `syncdeck run`: what is told while jobs run, and the exit status of all that ran.

use super::*;
use crate::cli::commands::sample;
use crate::cli::output::tests::captured;
use crate::model::{Actor, Via};
use std::future::pending;

fn finish(job: &str, end: RunEnd, errored: u64) -> JobFinish {
    let counts = Counts { errored, ..sample::counts() };
    JobFinish {
        job: JobId::from(job),
        end,
        is_paused: false,
        counts,
        seconds: 1.9,
        checkpoint: Some(sample::checkpoint("next")),
        dead_waiting: errored,
    }
}

fn guarded() -> RunEnd {
    RunEnd::Guarded { reason: "60 of 100 records failed".to_owned(), hint: None }
}

fn failed(parked: bool) -> RunEnd {
    let reason = "`crm` answered 401 Unauthorized".to_owned();
    RunEnd::Failed { reason, hint: Some("renew `CRM_TOKEN`".to_owned()), parked }
}

fn watched(snapshot: Snapshot) -> watch::Receiver<Arc<Snapshot>> {
    watch::channel(Arc::new(snapshot)).1
}

async fn told(args: &Args, ends: Vec<JobFinish>) -> (Exit, String, String) {
    let (mut out, stdout, stderr) = captured();
    let (sender, finished) = mpsc::channel(8);
    for end in ends {
        sender.send(end).await.expect("there is room");
    }
    drop(sender);
    let result = tell(args, &watched(Snapshot::default()), finished, pending(), &mut out).await;
    (out.finish(result), stdout.text(), stderr.text())
}

fn json() -> Args {
    Args { json: true, once: true, ..Args::default() }
}

#[tokio::test]
async fn the_last_line_of_a_job_is_what_scripts_know() {
    let (exit, stdout, _) = told(&json(), vec![finish("customers_to_crm", RunEnd::Done, 2)]).await;
    assert_eq!(
        stdout,
        "{\"event\":\"finished\",\"job\":\"customers_to_crm\",\"instance\":null,\"state\":\"done\",\"scanned\":1000,\
         \"created\":400,\"updated\":590,\"deleted\":3,\"skipped\":5,\"held\":0,\"errored\":2,\"retried\":31,\
         \"seconds\":1.9,\"checkpoint\":{\"cursor\":\"next\",\"watermark\":{\"updated_at\":\"2026-01-01T00:00:00Z\",\
         \"id\":\"next\"},\"sequence\":42,\"stats\":{\"processed\":1000,\"errors\":2},\"saved_at\":\"2026-01-01T00:01:00Z\"}}\n"
    );
    assert_eq!(exit, Exit::DeadLettered);
}

#[tokio::test(start_paused = true)]
async fn a_running_job_has_a_line_a_second() {
    let (mut out, stdout, _) = captured();
    let (sender, finished) = mpsc::channel(1);
    let run = async {
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        drop(sender);
    };
    let snapshots = watched(sample::snapshot("customers@globex", "x"));
    let args = json();
    let (result, ()) = tokio::join!(tell(&args, &snapshots, finished, pending(), &mut out), run);
    assert_eq!(out.finish(result), Exit::Done);
    let lines: Vec<Value> = stdout.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3, "one a second, and none for the job without a run");
    let line = &lines[0];
    assert_eq!((&line["event"], &line["state"]), (&Value::from("progress"), &Value::from("running")));
    assert_eq!((&line["job"], &line["instance"]), (&Value::from("customers"), &Value::from("globex")));
    assert_eq!((&line["scanned"], &line["seconds"]), (&Value::from(1_000), &Value::from(3.0)));
}

#[tokio::test(start_paused = true)]
async fn without_a_terminal_progress_is_a_line_now_and_then() {
    let (mut out, _, stderr) = captured();
    let (sender, finished) = mpsc::channel(1);
    let run = async {
        tokio::time::sleep(Duration::from_secs(25)).await;
        drop(sender);
    };
    let (args, snapshots) = (Args::default(), watched(sample::snapshot("customers", "waiting for `crm`")));
    let (result, ()) = tokio::join!(tell(&args, &snapshots, finished, pending(), &mut out), run);
    assert_eq!(out.finish(result), Exit::Done);
    let line = "customers: running, 1,000 scanned, 2 errored, 523/s, 1m 1s left, waiting for `crm`\n";
    assert_eq!(stderr.text(), line.repeat(2));
}

#[tokio::test]
async fn the_table_at_the_end_has_a_row_a_job() {
    let ends = vec![finish("customers", RunEnd::Done, 2), finish("orders", failed(false), 2)];
    let (exit, stdout, stderr) = told(&Args::default(), ends).await;
    assert_eq!(exit, Exit::Failed);
    insta::assert_snapshot!(format!("{stdout}--- standard error\n{stderr}"));
}

#[tokio::test]
async fn several_runs_of_a_job_are_one_row_with_their_sum() {
    let ends = vec![finish("customers", RunEnd::HandedOver, 0), finish("customers", RunEnd::Done, 0)];
    let (exit, stdout, _) = told(&Args::default(), ends).await;
    assert_eq!(exit, Exit::Done);
    assert_eq!(stdout.lines().count(), 2);
    assert!(stdout.contains("2,000") && stdout.contains("3.8") && stdout.contains("done"), "{stdout}");
}

#[tokio::test]
async fn exit_statuses_are_those_of_the_table() {
    let stopped = RunEnd::Stopped { by: Actor::person("ana", Via::Console) };
    let cases = [
        (vec![finish("a", RunEnd::Done, 0)], Exit::Done),
        (vec![finish("a", RunEnd::HandedOver, 0)], Exit::Done),
        (vec![finish("a", RunEnd::Done, 1), finish("b", RunEnd::Done, 0)], Exit::DeadLettered),
        (vec![finish("a", guarded(), 0)], Exit::DeadLettered),
        (vec![finish("a", failed(true), 9)], Exit::Failed),
        (vec![finish("a", guarded(), 0), finish("b", failed(true), 0)], Exit::Failed),
        (vec![finish("a", RunEnd::Done, 1), finish("b", failed(false), 0)], Exit::Failed),
        (vec![finish("a", failed(false), 0), finish("b", stopped, 0)], Exit::Interrupted),
    ];
    for (ends, wanted) in cases {
        assert_eq!(exit(&ends, false), wanted, "{ends:?}");
    }
    let held = JobFinish { counts: Counts { held: 1, ..Counts::default() }, ..finish("a", RunEnd::Done, 0) };
    assert_eq!(exit(&[held], false), Exit::DeadLettered);
}

#[tokio::test]
async fn a_signal_is_told_and_the_pages_in_flight_are_waited_for() {
    let (mut out, stdout, stderr) = captured();
    let (sender, finished) = mpsc::channel(1);
    let (signal, stop) = tokio::sync::oneshot::channel::<()>();
    let stop = async { stop.await.expect("the signal comes") };
    let engine = async {
        signal.send(()).expect("somebody listens");
        tokio::task::yield_now().await;
        sender.send(finish("customers", RunEnd::Stopped { by: Actor::engine() }, 0)).await.expect("somebody listens");
        drop(sender);
    };
    let (args, snapshots) = (json(), watched(Snapshot::default()));
    let (result, ()) = tokio::join!(tell(&args, &snapshots, finished, stop, &mut out), engine);
    assert_eq!(out.finish(result), Exit::Interrupted);
    assert!(stderr.text().starts_with("stopping after the pages in flight"));
    assert!(stdout.text().contains("\"state\":\"stopped\""));
}

// Row 101 of the fault matrix.
#[tokio::test]
async fn nothing_foreign_reaches_the_terminal_as_it_is() {
    let end =
        || RunEnd::Failed { reason: sample::HOSTILE.to_owned(), hint: Some(sample::HOSTILE.to_owned()), parked: true };
    for args in [Args::default(), json()] {
        let hostile =
            JobFinish { checkpoint: Some(sample::checkpoint(sample::HOSTILE)), ..finish(sample::HOSTILE, end(), 1) };
        let (_, stdout, stderr) = told(&args, vec![hostile]).await;
        sample::assert_harmless(&stdout);
        sample::assert_harmless(&stderr);
    }
    let bar = progress(&sample::snapshot(sample::HOSTILE, sample::HOSTILE).jobs[0]);
    sample::assert_harmless(&Line::from(bar.text).render(false));
}

#[test]
fn a_job_that_is_not_configured_is_named_before_anything_runs() {
    let known = [JobId::from("customers"), JobId::from("orders")];
    let args = |jobs: &[&str]| Args { jobs: jobs.iter().map(|job| (*job).to_owned()).collect(), ..Args::default() };
    assert_eq!(args(&[]).chosen(&known).expect("all"), known);
    assert_eq!(args(&["orders"]).chosen(&known).expect("one"), known[1..]);
    assert_eq!(args(&["ordres"]).chosen(&known).expect_err("unknown").exit(), Exit::Usage);
}
