//! The ticket bundle: everything that helps, nothing that must not leave the house, and a console over the file alone.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use syncdeck::control::bundle::{Bundle, Offline, open, save};
use syncdeck::control::{Answer, Handle, Request};
use syncdeck::model::{DeadLetterId, LetterFilter, LogFilter, RunEnd};
use syncdeck::sim::{Fault, FaultRule, Side, World};

/// A house in which three records were refused, with an answer that quotes them and the secret.
async fn troubled() -> House {
    let world = World::new(1, 120);
    let body = r#"{"error":"cus_000001@example.com is taken; used t0p-s3cret-t0ken"}"#.to_owned();
    let fault = Fault::Status { code: 422, body, headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Destination, fault).nth(1, 3));
    let config = format!("{CONNECTIONS}auth = {{ type = \"bearer\", token = \"t0p-s3cret-t0ken\" }}\n{CUSTOMERS}");
    let (house, finished) = House::new(world, &config).await.run_once().await;
    assert_eq!((finished[0].end.clone(), finished[0].counts.errored), (RunEnd::Done, 3));
    house
}

async fn text(house: &House, letter: Option<DeadLetterId>) -> String {
    let Answer::Bundle { text } = house.ask(Request::Bundle { job: None, letter }).await else { panic!("a bundle") };
    text
}

async fn bundle(house: &House) -> (String, Bundle) {
    let text = text(house, None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = save(&folder.path().join("x.syncdeck"), &text).expect("written");
    (text, open(&path).expect("it opens"))
}

#[tokio::test(start_paused = true)]
async fn a_bundle_holds_what_happened_and_no_secret() {
    let house = troubled().await;
    house
        .ask(Request::Pause { jobs: vec![job("customers")], reason: Some("t0p-s3cret-t0ken leaked".to_owned()) })
        .await;
    let (text, bundle) = bundle(&house).await;
    assert!(!text.contains("t0p-s3cret"), "{text}");
    assert_eq!((bundle.letters.len(), bundle.letters_left_out, bundle.groups.len()), (3, 0, 1));
    assert_eq!(bundle.runs[0].counts.errored, 3);
    assert_eq!(bundle.checkpoints[0].1[0].total.scanned, 120);
    assert!(bundle.journal.iter().any(|entry| entry.action == "pause"));
    assert!(bundle.notices.iter().any(|notice| notice.event == "run.done"));
    assert_eq!(bundle.jobs[0].id, job("customers"));
    assert!(bundle.letters.iter().all(|view| view.letter.attempts.len() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_bundle_of_a_letter_begins_with_it_and_one_that_is_not_there_is_refused() {
    let house = troubled().await;
    let bundle: Bundle = serde_json::from_str(&text(&house, Some(DeadLetterId(2))).await).expect("a bundle");
    assert_eq!((bundle.letters[0].letter.id, bundle.letters.len()), (DeadLetterId(2), 3));
    assert_eq!((bundle.job, bundle.letter), (Some(job("customers")), Some(DeadLetterId(2))));
    for request in [
        Request::Bundle { job: None, letter: Some(DeadLetterId(99)) },
        Request::Bundle { job: Some(job("custmers")), letter: None },
    ] {
        assert!(house.handle.ask(request).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_answers_what_the_engine_answered_and_refuses_every_order() {
    let house = troubled().await;
    let (_, bundle) = bundle(&house).await;
    let offline = Handle::offline(bundle.clone());
    let id = DeadLetterId(1);
    for request in [
        Request::DeadIds { filter: LetterFilter { job: Some(job("customers")), ..LetterFilter::default() }, limit: 9 },
        Request::DeadRows { ids: vec![id, DeadLetterId(99)] },
        Request::DeadLetter { id },
        Request::Checkpoints { job: job("customers"), terms: Vec::new(), before: None, limit: 2 },
        Request::Runs { job: None, terms: Vec::new(), before: None, limit: 5 },
        Request::Journal { before: None, limit: 5 },
    ] {
        let (there, here) = (house.ask(request.clone()).await, offline.ask(request.clone()).await.expect("an answer"));
        assert_eq!(there, here, "{request:?}");
    }
    let words = LogFilter { words: vec!["done".to_owned()], ..LogFilter::default() };
    let Ok(Answer::Logs(lines)) = offline.ask(Request::Logs { filter: words, before: None, limit: 9 }).await else {
        panic!("lines")
    };
    assert_eq!(lines.len(), 1);
    let refused = offline.ask(Request::Trigger { jobs: vec![job("customers")] }).await;
    assert!(refused.is_err_and(|refusal| refusal.message.starts_with("read-only")));
    let refused = Offline::new(bundle).ask(Request::Trigger { jobs: vec![job("customers")] });
    assert!(refused.is_err_and(|refusal| refusal.message.contains("a bundle, not an engine")));
}
